// A second, small addon for the threads that make pictures: no libtorch in it, since every thread that loads that would
// initialise it again. It knows bytes: JPEG in, pixels out (jpeg.cc), and resampling (resample.cc).
#include "pixels.h"

namespace pixels {

Bytes bytesOf(napi_env env, napi_value value) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) return {};
  const size_t width = type == napi_int32_array ? 4 : 1;
  return {static_cast<uint8_t*>(data), length * width};
}

napi_value fail(napi_env env, const char* message) {
  napi_throw_error(env, "PIXELS", message);
  return nullptr;
}

napi_value toNumber(napi_env env, int32_t number) {
  napi_value value;
  napi_create_int32(env, number, &value);
  return value;
}

}  // namespace pixels

NAPI_MODULE_INIT() {
  pixels::exportJpeg(env, exports);
  pixels::exportResample(env, exports);
  return exports;
}
