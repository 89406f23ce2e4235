// The few N-API calls that the addon repeats, and the one place where a C++ exception becomes a JavaScript error.
#pragma once
#include <node_api.h>
#include <c10/util/Exception.h>

#include <c10/core/ScalarType.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "handles.h"

namespace lacuna {

/** A JavaScript exception is already pending; unwind to the callback and return. */
struct PendingException {};

/** JavaScript gave a value of the wrong kind. */
struct ArgumentError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void check(napi_status status) {
  if (status != napi_ok) throw PendingException{};
}

constexpr size_t kMaxArguments = 28;

struct Arguments {
  napi_env env;
  size_t count = kMaxArguments;
  napi_value values[kMaxArguments];

  Arguments(napi_env environment, napi_callback_info info) : env(environment) {
    check(napi_get_cb_info(env, info, &count, values, nullptr, nullptr));
    for (size_t i = count; i < kMaxArguments; ++i) values[i] = nullptr;
  }
  bool has(size_t i) const;
  double number(size_t i) const;
  bool boolean(size_t i) const;
  std::string string(size_t i) const;
  int64_t integer(size_t i) const;
  std::vector<double> numbers(size_t i) const;
  std::vector<int64_t> integers(size_t i) const;
};

double toNumber(napi_env env, napi_value value);
/** Throws ArgumentError for a fraction, an infinity, NaN and what a double cannot count. */
int64_t wholeNumber(double number);
int64_t toInteger(napi_env env, napi_value value);
/** Throws ArgumentError for a code that is none of src/engine/dtype.ts. */
c10::ScalarType scalarType(double code);
c10::ScalarType toScalarType(napi_env env, napi_value value);
bool toBoolean(napi_env env, napi_value value);
std::string toString(napi_env env, napi_value value);
napi_valuetype typeOf(napi_env env, napi_value value);
bool isMissing(napi_env env, napi_value value);
std::vector<double> toNumbers(napi_env env, napi_value array);
napi_value fromNumber(napi_env env, double value);
napi_value fromString(napi_env env, const std::string& value);
napi_value fromBoolean(napi_env env, bool value);
napi_value undefined(napi_env env);
napi_value handleArray(napi_env env, const std::vector<at::Tensor>& tensors);

void throwError(napi_env env, const char* code, const std::string& message);

/** Wraps a callback: libtorch's errors, stale handles and std exceptions become JavaScript errors with a code. */
template <napi_value (*F)(napi_env, napi_callback_info)>
napi_value guardedCall(napi_env env, napi_callback_info info) {
  try {
    return F(env, info);
  } catch (const PendingException&) {
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (!pending) throwError(env, "ARGUMENT", "an argument has the wrong type");
  } catch (const ArgumentError& wrong) {
    throwError(env, "ARGUMENT", wrong.what());
  } catch (const DisposedHandle& stale) {
    throwError(env, "DISPOSED", std::to_string(stale.argument));
  } catch (const c10::Error& error) {
    throwError(env, "LIBTORCH", error.what_without_backtrace());
  } catch (const std::exception& error) {
    throwError(env, "LIBTORCH", error.what());
  } catch (...) {
    throwError(env, "LIBTORCH", "an exception of an unknown kind");
  }
  return nullptr;
}

template <napi_value (*F)(const Arguments&)>
napi_value withArguments(napi_env env, napi_callback_info info) {
  return F(Arguments(env, info));
}

/** The same for a function that takes N-API's arguments. */
template <napi_value (*F)(const Arguments&)>
constexpr napi_callback guarded = guardedCall<withArguments<F>>;

struct Export {
  const char* name;
  napi_callback callback;
};

void exportAll(napi_env env, napi_value exports, const std::vector<Export>& list);

// Each file of the addon adds its functions.
void exportDispatch(napi_env env, napi_value exports);
void exportAutograd(napi_env env, napi_value exports);
void exportMemory(napi_env env, napi_value exports);
void exportRandom(napi_env env, napi_value exports);
void exportProfile(napi_env env, napi_value exports);

}  // namespace lacuna
