#include "frame.h"

#include <iterator>

namespace lacuna {

napi_value Frame::allocate(napi_env env, size_t words) {
  constexpr size_t kMost = size_t{1} << 26;
  if (words < kLists || words > kMost)
    throw ArgumentError("expected from " + std::to_string(kLists) + " to " + std::to_string(kMost) + " words");
  void* data;
  napi_value buffer;
  napi_ref held;
  check(napi_create_arraybuffer(env, words * sizeof(double), &data, &buffer));
  check(napi_create_reference(env, buffer, 1, &held));
  if (buffer_ != nullptr) check(napi_delete_reference(env, buffer_));
  buffer_ = held;
  words_ = static_cast<double*>(data);
  size_ = words;
  return buffer;
}

size_t Frame::argumentCount() const {
  const int64_t count = wholeNumber(words_[1]);
  if (count < 0 || static_cast<size_t>(count) > kMaxArguments)
    throw ArgumentError("expected from 0 to " + std::to_string(kMaxArguments) + " arguments, got " + std::to_string(count));
  return static_cast<size_t>(count);
}

NumberList Frame::list(size_t i) const {
  const double start = word(i);
  if (!(start >= kLists && start < static_cast<double>(size_))) throw ArgumentError("a list lies outside the frame");
  const auto place = static_cast<size_t>(start);
  const double length = words_[place];
  if (!(length >= 0 && length < static_cast<double>(size_ - place))) throw ArgumentError("a list ends outside the frame");
  return {words_ + place + 1, static_cast<size_t>(length)};
}

Frame& theFrame() {
  thread_local Frame frame;
  return frame;
}

napi_value Others::at(double position) const {
  size_t count = kMaxArguments;
  napi_value values[kMaxArguments];
  check(napi_get_cb_info(env, info, &count, values, nullptr, nullptr));
  return position >= 0 && position < static_cast<double>(std::min(count, kMaxArguments)) ? values[static_cast<size_t>(position)]
                                                                                         : nullptr;
}

std::string Given::string() const {
  expect(Kind::kOther);
  const napi_value value = others.at(frame.word(position));
  if (value == nullptr || typeOf(others.env, value) != napi_string) throw WrongKind{};
  return toString(others.env, value);
}

std::string Given::kindName() const {
  static constexpr const char* kNames[] = {"undefined", "null",   "boolean",  "number",   "string",
                                           "symbol",    "object", "function", "external", "bigint"};
  if (kind() == Kind::kList) return "array";
  if (kind() != Kind::kOther) return kNames[static_cast<size_t>(kind())];
  const napi_value value = others.at(frame.word(position));
  if (value == nullptr) return "undefined";
  bool array = false;
  check(napi_is_array(others.env, value, &array));
  const auto type = static_cast<size_t>(typeOf(others.env, value));
  return array ? "array" : type < std::size(kNames) ? kNames[type] : "value";
}

}  // namespace lacuna
