// The frame of a call: memory that JavaScript and the addon both see, so that numbers cross without a call of N-API each.
//
// Words (float64): 0 the operator's index, afterwards the result's handle; 1 the number of arguments; from 2 the arguments,
// kMaxArguments of them: a number, 0 or 1, a handle, the place of a list, or the position among N-API's own arguments.
// After them a byte each, their kinds. Then lists: the length, then the elements (src/engine/dispatch.ts writes all this).
#pragma once
#include <string>

#include "napi.h"

namespace lacuna {

/** What an argument is. The first four are N-API's own numbers. */
enum class Kind : uint8_t { kUndefined, kNull, kBoolean, kNumber, kList, kOther };

/** The argument is of a kind that its converter does not take. */
struct WrongKind {};

struct NumberList {
  const double* first;
  size_t length;
};

class Frame {
 public:
  static constexpr size_t kArguments = 2;
  static constexpr size_t kKinds = kArguments + kMaxArguments;
  static constexpr size_t kLists = kKinds + (kMaxArguments + sizeof(double) - 1) / sizeof(double);

  /** A new ArrayBuffer of so many words takes the frame's place. */
  napi_value allocate(napi_env env, size_t words);

  double operatorIndex() const { return size_ > 0 ? words_[0] : -1; }
  /** At most kMaxArguments. */
  size_t argumentCount() const;
  void setResult(double handle) { words_[0] = handle; }
  /** kUndefined for an argument that was not given. */
  Kind kind(size_t i) const {
    if (static_cast<double>(i) >= words_[1]) return Kind::kUndefined;
    return static_cast<Kind>(reinterpret_cast<const uint8_t*>(words_ + kKinds)[i]);
  }
  double word(size_t i) const { return words_[kArguments + i]; }
  /** @throws ArgumentError for a list that lies outside the frame */
  NumberList list(size_t i) const;

 private:
  double* words_ = nullptr;
  size_t size_ = 0;
  napi_ref buffer_ = nullptr;
};

/** This thread's frame. */
Frame& theFrame();

/** N-API's own arguments of a call, for the few that are no numbers. */
struct Others {
  napi_env env;
  napi_callback_info info;
  /** Null where there is none. */
  napi_value at(double position) const;
};

/** One argument of a call. Each reader throws WrongKind where the argument is something else. */
struct Given {
  const Frame& frame;
  const Others& others;
  int position;

  Kind kind() const { return frame.kind(position); }
  double number() const { return expect(Kind::kNumber), frame.word(position); }
  bool boolean() const { return expect(Kind::kBoolean), frame.word(position) != 0; }
  NumberList list() const { return expect(Kind::kList), frame.list(position); }
  std::string string() const;
  /** "number", "string", …, "array", "null" */
  std::string kindName() const;

 private:
  void expect(Kind wanted) const {
    if (kind() != wanted) throw WrongKind{};
  }
};

}  // namespace lacuna
