// A boxed call looped in C++, against the libtorch of the Python that is measured: the twin of `repeat` in native/dispatch.cc.
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <chrono>

/** Seconds for `count` calls of an operator on two 8 × 8 tensors; its other arguments have their defaults. */
extern "C" double boxed(const char* name, const char* overload, int64_t count) {
  const at::NoGradGuard guard;
  const auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
  std::vector<c10::IValue> first{at::full({8, 8}, 0.5), at::full({8, 8}, 0.25)};
  const auto& arguments = handle.schema().arguments();
  for (size_t i = first.size(); i < arguments.size(); ++i) first.push_back(*arguments[i].default_value());
  const auto began = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < count; ++i) {
    std::vector<c10::IValue> stack(first);
    handle.callBoxed(stack);
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  return taken.count();
}
