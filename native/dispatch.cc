// The door: an ATen operator is found once by its schema string, then called boxed with JavaScript's values.
//
// `open(schema)` gives an index; `call(index, ...arguments)` fills a stack of IValues by the converters that were
// chosen when the operator was opened. Autograd and autocast are dispatch keys, so they work through the same call.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/jit/frontend/function_schema_parser.h>

#include <chrono>
#include <cmath>

#include "napi.h"

namespace lacuna {
namespace {

using c10::IValue;
using c10::TypeKind;
using c10::TypePtr;

/** JavaScript value -> IValue, chosen once for each argument of an operator. */
using Convert = IValue (*)(napi_env, napi_value, int argument);

IValue toTensor(napi_env env, napi_value value, int argument) {
  return handles().get(toNumber(env, value), argument);
}
IValue toInt(napi_env env, napi_value value, int) { return toInteger(env, value); }
IValue toDtype(napi_env env, napi_value value, int) { return toScalarType(env, value); }
IValue toFloat(napi_env env, napi_value value, int) { return toNumber(env, value); }
IValue toBool(napi_env env, napi_value value, int) { return toBoolean(env, value); }
IValue toText(napi_env env, napi_value value, int) { return toString(env, value); }
IValue toDevice(napi_env env, napi_value value, int) { return c10::Device(toString(env, value)); }

int64_t toCode(napi_env env, napi_value value, int64_t largest) {
  const int64_t code = toInteger(env, value);
  if (code < 0 || code > largest)
    throw ArgumentError("expected a code from 0 to " + std::to_string(largest) + ", got " + std::to_string(code));
  return code;
}
IValue toLayout(napi_env env, napi_value value, int) { return toCode(env, value, 0); }  // strided; no sparse tensors
IValue toMemoryFormat(napi_env env, napi_value value, int) { return toCode(env, value, 3); }

/** A Scalar is an integer where JavaScript's number is one: dtype promotion then follows Python's `x + 2`. */
IValue toScalar(napi_env env, napi_value value, int) {
  napi_valuetype type;
  check(napi_typeof(env, value, &type));
  if (type == napi_boolean) return toBoolean(env, value);
  const double number = toNumber(env, value);
  const bool whole = std::abs(number) < 9007199254740992.0 && std::trunc(number) == number;
  return whole ? IValue(static_cast<int64_t>(number)) : IValue(number);
}

template <typename F>
void forEach(napi_env env, napi_value array, F visit) {
  uint32_t length;
  check(napi_get_array_length(env, array, &length));
  for (uint32_t i = 0; i < length; ++i) {
    napi_value element;
    check(napi_get_element(env, array, i, &element));
    visit(element);
  }
}

IValue toTensorList(napi_env env, napi_value value, int argument) {
  c10::List<at::Tensor> list;
  forEach(env, value, [&](napi_value e) { list.push_back(handles().get(toNumber(env, e), argument)); });
  return list;
}
IValue toOptionalTensorList(napi_env env, napi_value value, int argument) {
  c10::List<std::optional<at::Tensor>> list;
  forEach(env, value, [&](napi_value e) {
    if (isMissing(env, e))
      list.push_back(std::nullopt);
    else
      list.push_back(handles().get(toNumber(env, e), argument));
  });
  return list;
}
IValue toIntList(napi_env env, napi_value value, int) {
  c10::List<int64_t> list;
  forEach(env, value, [&](napi_value e) { list.push_back(toInteger(env, e)); });
  return list;
}
IValue toFloatList(napi_env env, napi_value value, int) {
  c10::List<double> list;
  forEach(env, value, [&](napi_value e) { list.push_back(toNumber(env, e)); });
  return list;
}
IValue toBoolList(napi_env env, napi_value value, int) {
  c10::List<bool> list;
  forEach(env, value, [&](napi_value e) { list.push_back(toBoolean(env, e)); });
  return list;
}

Convert listConverter(const TypePtr& element) {
  switch (element->kind()) {
    case TypeKind::TensorType: return toTensorList;
    case TypeKind::OptionalType: return toOptionalTensorList;
    case TypeKind::FloatType: return toFloatList;
    case TypeKind::BoolType: return toBoolList;
    default: return toIntList;
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

/** "number", "string", …, "array", "null" */
std::string kindOf(napi_env env, napi_value value) {
  static constexpr const char* kNames[] = {"undefined", "null",   "boolean",  "number",   "string",
                                           "symbol",    "object", "function", "external", "bigint"};
  napi_valuetype type;
  bool array = false;
  check(napi_typeof(env, value, &type));
  check(napi_is_array(env, value, &array));
  return array ? "array" : static_cast<size_t>(type) < std::size(kNames) ? kNames[type] : "value";
}

/** The converter's result; a wrong value becomes an error that names the argument. */
IValue converted(const Operator& op, size_t i, napi_env env, napi_value value, napi_valuetype type) {
  const Argument& argument = op.arguments[i];
  const auto failed = [&](const std::string& what) {
    return ArgumentError("argument " + op.handle.schema().arguments()[i].name() + ": " + what);
  };
  if (argument.convert == nullptr) throw failed("cannot be given from JavaScript");
  try {
    if (argument.repeats > 0 && type == napi_number)
      return c10::List<int64_t>(std::vector<int64_t>(argument.repeats, toInteger(env, value)));
    return argument.convert(env, value, static_cast<int>(i));
  } catch (const ArgumentError& wrong) {
    throw failed(wrong.what());
  } catch (const PendingException&) {
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (pending) throw;
    throw failed("expected " + op.handle.schema().arguments()[i].real_type()->str() + ", got a value of type " +
                 kindOf(env, value));
  }
}

void pushArgument(torch::jit::Stack& stack, const Operator& op, size_t i, const Arguments& args) {
  const Argument& argument = op.arguments[i];
  const napi_value value = i + 1 < kMaxArguments ? args.values[i + 1] : nullptr;
  napi_valuetype type = napi_undefined;
  if (value != nullptr) check(napi_typeof(args.env, value, &type));
  if (type == napi_undefined && argument.fallback.has_value()) {
    stack.push_back(*argument.fallback);
  } else if (type == napi_undefined || type == napi_null) {
    if (!argument.optional)
      throw ArgumentError("argument " + op.handle.schema().arguments()[i].name() + " is missing");
    stack.push_back(IValue());
  } else {
    stack.push_back(converted(op, i, args.env, value, type));
  }
}

napi_value toJavaScript(napi_env env, const IValue& value) {
  if (value.isTensor()) {
    const at::Tensor& tensor = value.toTensor();
    return fromNumber(env, tensor.defined() ? handles().add(tensor) : 0);
  }
  if (value.isTensorList()) return handleArray(env, value.toTensorVector());
  if (value.isInt()) return fromNumber(env, static_cast<double>(value.toInt()));
  if (value.isDouble()) return fromNumber(env, value.toDouble());
  if (value.isBool()) return fromBoolean(env, value.toBool());
  if (value.isScalar()) return fromNumber(env, value.toScalar().toDouble());
  TORCH_CHECK(value.isNone(), "an operator returned a ", value.tagKind(), ", which has no JavaScript form");
  return undefined(env);
}

const Operator& operatorAt(int64_t index) {
  if (index < 0 || static_cast<size_t>(index) >= operators().size())
    throw ArgumentError("unknown operator index " + std::to_string(index));
  return operators()[index];
}

/** call(index, ...arguments) -> handle, number, boolean, an array of these, or nothing for an in-place operator. */
napi_value call(const Arguments& args) {
  const Operator& op = operatorAt(args.integer(0));
  if (args.count > op.arguments.size() + 1)
    throw ArgumentError("takes at most " + std::to_string(op.arguments.size()) + " arguments, got " +
                        std::to_string(args.count - 1));
  torch::jit::Stack stack;
  stack.reserve(op.arguments.size());
  for (size_t i = 0; i < op.arguments.size(); ++i) pushArgument(stack, op, i, args);
  op.handle.callBoxed(stack);
  if (op.inPlace || stack.empty()) return undefined(args.env);
  if (stack.size() == 1) return toJavaScript(args.env, stack[0]);
  napi_value results;
  check(napi_create_array_with_length(args.env, stack.size(), &results));
  for (size_t i = 0; i < stack.size(); ++i)
    check(napi_set_element(args.env, results, i, toJavaScript(args.env, stack[i])));
  return results;
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
  exportAll(env, exports, {{"open", guarded<open>}, {"call", guarded<call>}, {"repeat", guarded<repeat>}});
}

}  // namespace lacuna
