// The door: an ATen operator is found once by its schema string, then called boxed with JavaScript's values.
//
// `open(schema)` gives an index. For `call()` JavaScript writes index and arguments into the frame (frame.h), memory that both
// sides see; the stack of IValues is filled from there by the converters that were chosen when the operator was opened.
// Autograd and autocast are dispatch keys, so they work through the same call.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/jit/frontend/function_schema_parser.h>

#include <chrono>
#include <cmath>

#include "frame.h"
#include "napi.h"

namespace lacuna {
namespace {

using c10::IValue;
using c10::TypeKind;
using c10::TypePtr;

/** An argument in the frame -> IValue, chosen once for each argument of an operator. */
using Convert = IValue (*)(const Given&);

IValue toTensor(const Given& given) { return handles().get(given.number(), given.position); }
IValue toInt(const Given& given) { return wholeNumber(given.number()); }
IValue toDtype(const Given& given) { return scalarType(given.number()); }
IValue toFloat(const Given& given) { return given.number(); }
IValue toBool(const Given& given) { return given.boolean(); }
IValue toText(const Given& given) { return given.string(); }
IValue toDevice(const Given& given) { return c10::Device(given.string()); }

int64_t toCode(const Given& given, int64_t largest) {
  const int64_t code = wholeNumber(given.number());
  if (code < 0 || code > largest)
    throw ArgumentError("expected a code from 0 to " + std::to_string(largest) + ", got " + std::to_string(code));
  return code;
}
IValue toLayout(const Given& given) { return toCode(given, 0); }  // strided; no sparse tensors
IValue toMemoryFormat(const Given& given) { return toCode(given, 3); }

/** A Scalar is an integer where JavaScript's number is one: dtype promotion then follows Python's `x + 2`. */
IValue toScalar(const Given& given) {
  if (given.kind() == Kind::kBoolean) return given.boolean();
  const double number = given.number();
  const bool whole = std::abs(number) < 9007199254740992.0 && std::trunc(number) == number;
  return whole ? IValue(static_cast<int64_t>(number)) : IValue(number);
}

/** A list of the frame, each number through `convert`. */
template <typename Element, typename F>
IValue listOf(const Given& given, F convert) {
  const NumberList numbers = given.list();
  c10::List<Element> list;
  list.reserve(numbers.length);
  for (size_t i = 0; i < numbers.length; ++i) list.push_back(convert(numbers.first[i]));
  return list;
}

IValue toTensorList(const Given& given) {
  return listOf<at::Tensor>(given, [&](double handle) { return handles().get(handle, given.position); });
}
IValue toOptionalTensorList(const Given& given) {
  return listOf<std::optional<at::Tensor>>(given, [&](double handle) {
    return handle == 0 ? std::nullopt : std::optional<at::Tensor>(handles().get(handle, given.position));
  });
}
IValue toIntList(const Given& given) { return listOf<int64_t>(given, wholeNumber); }
IValue toFloatList(const Given& given) {
  return listOf<double>(given, [](double number) { return number; });
}

/** Null where no list of the frame fits. */
Convert listConverter(const TypePtr& element) {
  switch (element->kind()) {
    case TypeKind::TensorType: return toTensorList;
    case TypeKind::OptionalType: return toOptionalTensorList;
    case TypeKind::FloatType: return toFloatList;
    case TypeKind::IntType:
    case TypeKind::SymIntType: return toIntList;
    default: return nullptr;
  }
}

/** Null where JavaScript cannot give a value (generators): such an argument keeps its default. */
Convert converterOf(const TypePtr& type) {
  switch (type->kind()) {
    case TypeKind::TensorType: return toTensor;
    case TypeKind::OptionalType: return converterOf(type->castRaw<c10::OptionalType>()->getElementType());
    case TypeKind::ListType: return listConverter(type->castRaw<c10::ListType>()->getElementType());
    case TypeKind::FloatType: return toFloat;
    case TypeKind::NumberType: return toScalar;
    case TypeKind::BoolType: return toBool;
    case TypeKind::StringType: return toText;
    case TypeKind::DeviceObjType: return toDevice;
    case TypeKind::ScalarTypeType: return toDtype;
    case TypeKind::LayoutType: return toLayout;
    case TypeKind::MemoryFormatType: return toMemoryFormat;
    case TypeKind::IntType:
    case TypeKind::SymIntType: return toInt;
    default: return nullptr;
  }
}

struct Argument {
  Convert convert;
  bool optional;  // None where JavaScript gives null or undefined
  int64_t repeats;  // length of a list such as `int[2]`, for which one number stands too; 0 for all else
  std::optional<IValue> fallback;
};

struct Operator {
  c10::OperatorHandle handle;
  std::vector<Argument> arguments;
  bool inPlace;  // returns its first argument, which JavaScript already holds
};

std::vector<Operator>& operators() {
  thread_local std::vector<Operator> list;
  return list;
}

std::string text(const c10::FunctionSchema& schema) {
  std::ostringstream out;
  out << schema;
  return out.str();
}

/** open(schema) -> index. The installed operator must accept every call that the given schema allows. */
napi_value open(const Arguments& args) {
  const c10::FunctionSchema wanted = torch::jit::parseSchema(args.string(0));
  const auto found = c10::Dispatcher::singleton().findSchema({wanted.name(), wanted.overload_name()});
  TORCH_CHECK(found.has_value(), "libtorch has no operator ", wanted.operator_name(), "; wanted ", args.string(0));
  std::ostringstream why;
  TORCH_CHECK(found->schema().isBackwardCompatibleWith(wanted, &why), "operator ", wanted.operator_name(),
              " differs. wanted: ", args.string(0), " installed: ", text(found->schema()), " ", why.str());
  Operator op{*found, {}, !wanted.name().empty() && wanted.name().back() == '_'};
  for (const c10::Argument& argument : found->schema().arguments()) {
    std::optional<IValue> fallback;
    if (argument.default_value().has_value()) fallback = argument.default_value();
    const bool optional = argument.type()->kind() == TypeKind::OptionalType;
    op.arguments.push_back({converterOf(argument.real_type()), optional, argument.N().value_or(0), fallback});
  }
  operators().push_back(std::move(op));
  return fromNumber(args.env, static_cast<double>(operators().size() - 1));
}

/** The converter's result; a wrong value becomes an error that names the argument. */
IValue converted(const Operator& op, const Given& given) {
  const Argument& argument = op.arguments[given.position];
  const auto failed = [&](const std::string& what) {
    return ArgumentError("argument " + op.handle.schema().arguments()[given.position].name() + ": " + what);
  };
  if (argument.convert == nullptr) throw failed("cannot be given from JavaScript");
  try {
    if (argument.repeats > 0 && given.kind() == Kind::kNumber)
      return c10::List<int64_t>(std::vector<int64_t>(argument.repeats, wholeNumber(given.number())));
    return argument.convert(given);
  } catch (const ArgumentError& wrong) {
    throw failed(wrong.what());
  } catch (const WrongKind&) {
    throw failed("expected " + op.handle.schema().arguments()[given.position].real_type()->str() +
                 ", got a value of type " + given.kindName());
  }
}

void pushArgument(torch::jit::Stack& stack, const Operator& op, const Given& given) {
  const Argument& argument = op.arguments[given.position];
  const Kind kind = given.kind();
  if (kind == Kind::kUndefined && argument.fallback.has_value()) {
    stack.push_back(*argument.fallback);
  } else if (kind == Kind::kUndefined || kind == Kind::kNull) {
    if (!argument.optional)
      throw ArgumentError("argument " + op.handle.schema().arguments()[given.position].name() + " is missing");
    stack.emplace_back();
  } else {
    stack.push_back(converted(op, given));
  }
}

const Operator& operatorAt(int64_t index) {
  if (index < 0 || static_cast<size_t>(index) >= operators().size())
    throw ArgumentError("unknown operator index " + std::to_string(index));
  return operators()[index];
}

/** Several results: an array of handles, and of arrays of handles. */
napi_value listed(napi_env env, torch::jit::Stack& results) {
  const auto one = [&](const IValue& value) {
    if (value.isTensorList()) return handleArray(env, value.toTensorVector());
    TORCH_CHECK(value.isTensor(), "an operator returned a ", value.tagKind(), ", which has no JavaScript form");
    return fromNumber(env, value.toTensor().defined() ? handles().add(value.toTensor()) : 0);
  };
  if (results.size() == 1) return one(results[0]);
  napi_value array;
  check(napi_create_array_with_length(env, results.size(), &array));
  for (size_t i = 0; i < results.size(); ++i) check(napi_set_element(env, array, i, one(results[i])));
  return array;
}

/** The stack of every call: its memory is used again, its values never outlive the call. */
class CallStack {
 public:
  CallStack() : values_(shared()) { values_.clear(); }
  ~CallStack() { values_.clear(); }
  torch::jit::Stack& values() { return values_; }

 private:
  static torch::jit::Stack& shared() {
    thread_local torch::jit::Stack stack;
    return stack;
  }
  torch::jit::Stack& values_;
};

/**
 * call(...others), the rest of the call in the frame -> undefined, with the handle of the result (0: none, as of an in-place
 * operator) in the frame's first word; or an array of handles. `others` are the arguments that the frame does not hold.
 */
napi_value call(napi_env env, napi_callback_info info) {
  Frame& frame = theFrame();
  const Operator& op = operatorAt(wholeNumber(frame.operatorIndex()));
  const size_t count = frame.argumentCount();
  if (count > op.arguments.size())
    throw ArgumentError("takes at most " + std::to_string(op.arguments.size()) + " arguments, got " + std::to_string(count));
  CallStack owned;
  torch::jit::Stack& stack = owned.values();
  const Others others{env, info};
  for (size_t i = 0; i < op.arguments.size(); ++i) pushArgument(stack, op, Given{frame, others, static_cast<int>(i)});
  op.handle.callBoxed(stack);
  frame.setResult(0);
  if (op.inPlace || stack.empty()) return nullptr;
  if (stack.size() > 1 || !stack[0].isTensor()) return listed(env, stack);
  at::Tensor result = std::move(stack[0]).toTensor();
  if (result.defined()) frame.setResult(handles().add(std::move(result)));
  return nullptr;
}

/** frame(words) -> ArrayBuffer: the frame of this thread's calls from now on. */
napi_value allocateFrame(const Arguments& args) {
  const int64_t words = args.integer(0);
  if (words < 0) throw ArgumentError("expected a number of words");
  return theFrame().allocate(args.env, static_cast<size_t>(words));
}

/** A stack of tensors, all other arguments at their defaults. */
torch::jit::Stack stackOf(const Operator& op, const std::vector<double>& tensors) {
  const auto& declared = op.handle.schema().arguments();
  if (tensors.size() > declared.size()) throw ArgumentError("more tensors than the operator has arguments");
  torch::jit::Stack stack;
  for (size_t i = 0; i < declared.size(); ++i) {
    if (i < tensors.size() && declared[i].type()->kind() != TypeKind::TensorType)
      throw ArgumentError("argument " + declared[i].name() + " is no tensor");
    if (i >= tensors.size() && !op.arguments[i].fallback)
      throw ArgumentError("argument " + declared[i].name() + " has no default");
    stack.push_back(i < tensors.size() ? IValue(handles().get(tensors[i], static_cast<int>(i))) : *op.arguments[i].fallback);
  }
  return stack;
}

/**
 * repeat(index, count, handles of tensors) -> seconds. The same boxed call looped here: what it takes without JavaScript, so
 * that the bench can say what the door adds.
 */
napi_value repeat(const Arguments& args) {
  constexpr int64_t kMost = 1000000;
  const Operator& op = operatorAt(args.integer(0));
  const int64_t count = args.integer(1);
  if (count < 0 || count > kMost) throw ArgumentError("expected a count from 0 to 1000000");
  const torch::jit::Stack first = stackOf(op, args.numbers(2));
  const auto began = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < count; ++i) {
    torch::jit::Stack stack(first);
    op.handle.callBoxed(stack);
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  return fromNumber(args.env, taken.count());
}

}  // namespace

void exportDispatch(napi_env env, napi_value exports) {
  exportAll(env, exports,
            {{"open", guarded<open>},
             {"frame", guarded<allocateFrame>},
             {"call", guardedCall<call>},
             {"repeat", guarded<repeat>}});
}

}  // namespace lacuna
