#include "napi.h"

#include <cmath>
#include <sstream>

namespace lacuna {

double toNumber(napi_env env, napi_value value) {
  double result;
  check(napi_get_value_double(env, value, &result));
  return result;
}

int64_t wholeNumber(double number) {
  constexpr double kLargest = 9007199254740991.0;  // Number.MAX_SAFE_INTEGER
  if (std::trunc(number) == number && std::abs(number) <= kLargest) return static_cast<int64_t>(number);
  std::ostringstream what;
  what << "expected a whole number, got " << number;
  throw ArgumentError(what.str());
}

int64_t toInteger(napi_env env, napi_value value) { return wholeNumber(toNumber(env, value)); }

c10::ScalarType scalarType(double number) {
  const int64_t code = wholeNumber(number);
  if ((code >= 0 && code <= 7) || code == 11 || code == 15) return static_cast<c10::ScalarType>(code);
  throw ArgumentError("expected a dtype, got the code " + std::to_string(code));
}

c10::ScalarType toScalarType(napi_env env, napi_value value) { return scalarType(toNumber(env, value)); }

bool toBoolean(napi_env env, napi_value value) {
  bool result;
  check(napi_get_value_bool(env, value, &result));
  return result;
}

std::string toString(napi_env env, napi_value value) {
  size_t length;
  check(napi_get_value_string_utf8(env, value, nullptr, 0, &length));
  std::string result(length, '\0');
  check(napi_get_value_string_utf8(env, value, result.data(), length + 1, &length));
  return result;
}

napi_valuetype typeOf(napi_env env, napi_value value) {
  napi_valuetype type;
  check(napi_typeof(env, value, &type));
  return type;
}

bool isMissing(napi_env env, napi_value value) {
  if (value == nullptr) return true;
  const napi_valuetype type = typeOf(env, value);
  return type == napi_undefined || type == napi_null;
}

std::vector<double> toNumbers(napi_env env, napi_value array) {
  uint32_t length;
  check(napi_get_array_length(env, array, &length));
  std::vector<double> result(length);
  for (uint32_t i = 0; i < length; ++i) {
    napi_value element;
    check(napi_get_element(env, array, i, &element));
    result[i] = toNumber(env, element);
  }
  return result;
}

bool Arguments::has(size_t i) const { return !isMissing(env, values[i]); }
double Arguments::number(size_t i) const { return toNumber(env, values[i]); }
bool Arguments::boolean(size_t i) const { return toBoolean(env, values[i]); }
std::string Arguments::string(size_t i) const { return toString(env, values[i]); }
int64_t Arguments::integer(size_t i) const { return toInteger(env, values[i]); }
std::vector<double> Arguments::numbers(size_t i) const { return toNumbers(env, values[i]); }
std::vector<int64_t> Arguments::integers(size_t i) const {
  std::vector<int64_t> result;
  uint32_t length;
  check(napi_get_array_length(env, values[i], &length));
  for (uint32_t k = 0; k < length; ++k) {
    napi_value element;
    check(napi_get_element(env, values[i], k, &element));
    result.push_back(toInteger(env, element));
  }
  return result;
}

napi_value fromNumber(napi_env env, double value) {
  napi_value result;
  check(napi_create_double(env, value, &result));
  return result;
}

napi_value fromString(napi_env env, const std::string& value) {
  napi_value result;
  check(napi_create_string_utf8(env, value.data(), value.size(), &result));
  return result;
}

napi_value fromBoolean(napi_env env, bool value) {
  napi_value result;
  check(napi_get_boolean(env, value, &result));
  return result;
}

napi_value undefined(napi_env env) {
  napi_value result;
  check(napi_get_undefined(env, &result));
  return result;
}

napi_value handleArray(napi_env env, const std::vector<at::Tensor>& tensors) {
  napi_value array;
  check(napi_create_array_with_length(env, tensors.size(), &array));
  for (size_t i = 0; i < tensors.size(); ++i) {
    const double handle = tensors[i].defined() ? handles().add(tensors[i]) : 0;
    check(napi_set_element(env, array, i, fromNumber(env, handle)));
  }
  return array;
}

void throwError(napi_env env, const char* code, const std::string& message) {
  napi_throw_error(env, code, message.c_str());
}

void exportAll(napi_env env, napi_value exports, const std::vector<Export>& list) {
  for (const Export& entry : list) {
    napi_value function;
    check(napi_create_function(env, entry.name, NAPI_AUTO_LENGTH, entry.callback, nullptr, &function));
    check(napi_set_named_property(env, exports, entry.name, function));
  }
}

}  // namespace lacuna
