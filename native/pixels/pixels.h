// What the files of this addon share.
#pragma once
#include <node_api.h>

#include <cstddef>
#include <cstdint>

namespace pixels {

struct Bytes {
  uint8_t* data = nullptr;
  size_t length = 0;
};

/** The memory of a Uint8Array or Int32Array, shared or not; null for anything else. */
Bytes bytesOf(napi_env env, napi_value value);
/** Throws in JavaScript; nothing in C++. */
napi_value fail(napi_env env, const char* message);
napi_value toNumber(napi_env env, int32_t number);

void exportJpeg(napi_env env, napi_value exports);
void exportResample(napi_env env, napi_value exports);

}  // namespace pixels
