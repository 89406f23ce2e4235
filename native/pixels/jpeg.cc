// JPEG through libjpeg-turbo's TurboJPEG API 3, from the shared library that an npm package brings. Its functions are
// looked up by name, so that no header and no library is needed when compiling. Types and numbers are those of
// turbojpeg.h of libjpeg-turbo 3.1, whose binary interface is stable.
#include <dlfcn.h>

#include <mutex>

#include "pixels.h"

namespace pixels {
namespace {

struct Region {
  int x, y, w, h;
};
struct Scale {
  int numerator, denominator;
};
using Handle = void*;

constexpr int kInitDecompress = 1;
constexpr int kWidth = 5;     // TJPARAM_JPEGWIDTH
constexpr int kHeight = 6;    // TJPARAM_JPEGHEIGHT
constexpr int kFastDct = 10;  // TJPARAM_FASTDCT
constexpr int kRgb = 0;       // TJPF_RGB

struct Library {
  Handle (*init)(int);
  void (*destroy)(Handle);
  int (*set)(Handle, int, int);
  int (*get)(Handle, int);
  int (*header)(Handle, const unsigned char*, size_t);
  int (*scale)(Handle, Scale);
  int (*crop)(Handle, Region);
  int (*decompress)(Handle, const unsigned char*, size_t, unsigned char*, int, int);
  bool ready = false;
};

/** One for the process: threads load this addon again, the library only once. */
Library library;
std::mutex loading;

template <typename F>
bool find(void* file, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(file, name));
  return function != nullptr;
}

/** openJpeg(path of libturbojpeg.so) -> whether all functions are there */
napi_value openJpeg(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  char path[4096];
  size_t length = 0;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  if (napi_get_value_string_utf8(env, argument, path, sizeof path, &length) != napi_ok) return fail(env, "a path");
  const std::lock_guard<std::mutex> lock(loading);
  if (!library.ready) {
    void* file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    library.ready = file != nullptr && find(file, "tj3Init", library.init) && find(file, "tj3Destroy", library.destroy) &&
                    find(file, "tj3Set", library.set) && find(file, "tj3Get", library.get) &&
                    find(file, "tj3DecompressHeader", library.header) &&
                    find(file, "tj3SetScalingFactor", library.scale) &&
                    find(file, "tj3SetCroppingRegion", library.crop) &&
                    find(file, "tj3Decompress8", library.decompress);
  }
  napi_value result;
  napi_get_boolean(env, library.ready, &result);
  return result;
}

/** A decoder for one picture: what went wrong with one must not reach the next, and making one takes microseconds. */
struct Decoder {
  Handle handle = library.ready ? library.init(kInitDecompress) : nullptr;
  ~Decoder() {
    if (handle != nullptr) library.destroy(handle);
  }
};

/** The side of a scaled picture: TJSCALED. */
int scaled(int side, Scale scale) { return (side * scale.numerator + scale.denominator - 1) / scale.denominator; }

/**
 * decodeJpeg(file, target, numbers: Int32Array) -> 0, or another number where anything is wrong with the file, warnings
 * included. Numbers: x, y, width, height of the part in the scaled picture (x at the beginning of a block), scale's
 * numerator and denominator (eighths), 1 for the fast inverse DCT, 1 for a part or 0 for all. RGB without gaps between rows.
 */
napi_value decodeJpeg(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value arguments[3];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const Bytes file = bytesOf(env, arguments[0]);
  const Bytes target = bytesOf(env, arguments[1]);
  const Bytes settings = bytesOf(env, arguments[2]);
  if (count < 3 || file.data == nullptr || target.data == nullptr || settings.length < 32) {
    return fail(env, "decodeJpeg: bytes, a target and eight numbers");
  }
  const int32_t* numbers = reinterpret_cast<const int32_t*>(settings.data);
  const size_t width = numbers[2], height = numbers[3];
  if (numbers[0] < 0 || numbers[1] < 0 || numbers[5] < 1 || numbers[2] < 1 || numbers[3] < 1 || width * height * 3 > target.length) return fail(env, "decodeJpeg: too small a target");
  const Decoder made;
  Handle decoder = made.handle;
  if (decoder == nullptr) return fail(env, "decodeJpeg: no libjpeg-turbo");
  const Scale scale{numbers[4], numbers[5]};
  const bool part = numbers[7] == 1;
  const Region region{numbers[0], numbers[1], numbers[2], numbers[3]};
  if (library.set(decoder, kFastDct, numbers[6]) != 0 || library.header(decoder, file.data, file.length) != 0) {
    return toNumber(env, 1);
  }
  // The target was measured by a header reader of ours: where this library reads another size, nothing may be written.
  const int wide = scaled(library.get(decoder, kWidth), scale), high = scaled(library.get(decoder, kHeight), scale);
  if (part ? region.x + region.w > wide || region.y + region.h > high : numbers[2] != wide || numbers[3] != high) {
    return toNumber(env, 2);
  }
  if (library.scale(decoder, scale) != 0 || (part && library.crop(decoder, region) != 0)) return toNumber(env, 3);
  return toNumber(env, library.decompress(decoder, file.data, file.length, target.data, numbers[2] * 3, kRgb));
}

}  // namespace

void exportJpeg(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "openJpeg", NAPI_AUTO_LENGTH, openJpeg, nullptr, &function);
  napi_set_named_property(env, exports, "openJpeg", function);
  napi_create_function(env, "decodeJpeg", NAPI_AUTO_LENGTH, decodeJpeg, nullptr, &function);
  napi_set_named_property(env, exports, "decodeJpeg", function);
}

}  // namespace pixels
