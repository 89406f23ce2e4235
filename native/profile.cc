// What ran and for how long: libtorch's own callbacks around every operation of this thread, those of backward included, and
// marks that JavaScript sets around modules. On a CPU backward runs in the thread that asked for it.
#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "napi.h"

namespace lacuna {
namespace {

enum Kind { kOperation = 0, kBackward = 1, kMark = 2 };

/** One operation, node of autograd or mark: from when to when, inside which other. */
struct Span {
  std::string name;
  Kind kind;
  int64_t parent;
  int64_t sequence;  // the same for an operation and the node of autograd that it made
  double begin;
  double end = 0;
  double bytes = 0;  // of all tensors that go in and come out; a view moves none
  std::vector<std::vector<int64_t>> shapes;  // of the tensors that go in
};

using Clock = std::chrono::steady_clock;

struct Profile {
  Clock::time_point start = Clock::now();
  std::vector<Span> spans;
  std::vector<int64_t> open;
  at::CallbackHandle handle = 0;

  double now() const { return std::chrono::duration<double>(Clock::now() - start).count(); }
  int64_t enter(std::string name, Kind kind, int64_t sequence) {
    spans.push_back({std::move(name), kind, open.empty() ? -1 : open.back(), sequence, now(), 0, 0, {}});
    open.push_back(static_cast<int64_t>(spans.size()) - 1);
    return open.back();
  }
  void leave() {
    spans[open.back()].end = now();
    open.pop_back();
  }
};

thread_local std::unique_ptr<Profile> profile;

struct Place : at::ObserverContext {
  explicit Place(int64_t at) : span(at) {}
  int64_t span;
  std::vector<const c10::StorageImpl*> given;
};

template <typename F>
void eachTensor(const c10::IValue& value, F visit) {
  if (value.isTensor() && value.toTensor().defined()) visit(value.toTensor());
  if (value.isTensorList())
    for (const at::Tensor& tensor : value.toTensorVector()) visit(tensor);
}

const c10::StorageImpl* storageOf(const at::Tensor& tensor) {
  return tensor.has_storage() ? tensor.storage().unsafeGetStorageImpl() : nullptr;
}

double bytesOf(const at::Tensor& tensor) { return static_cast<double>(tensor.numel()) * tensor.element_size(); }

/** Operations that have several parts of a model inside set marks around them (kernels/block.cc). */
Kind kindOf(at::RecordScope scope) {
  if (scope == at::RecordScope::USER_SCOPE) return kMark;
  return scope == at::RecordScope::BACKWARD_FUNCTION ? kBackward : kOperation;
}

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
  if (!profile) return nullptr;
  const Kind kind = kindOf(function.scope());
  const int64_t at = profile->enter(function.name(), kind, function.seqNr());
  Span& span = profile->spans[at];
  auto place = std::make_unique<Place>(at);
  for (const c10::IValue& value : function.inputs()) {
    eachTensor(value, [&](const at::Tensor& tensor) {
      span.bytes += bytesOf(tensor);
      span.shapes.push_back(tensor.sizes().vec());
      place->given.push_back(storageOf(tensor));
    });
  }
  return place;
}

void end(const at::RecordFunction& function, at::ObserverContext* context) {
  if (!profile || context == nullptr || profile->open.empty()) return;
  const auto* place = static_cast<Place*>(context);
  Span& span = profile->spans[place->span];
  double made = 0;
  bool isView = false;  // what comes out lies where something lay that went in
  for (const c10::IValue& value : function.outputs()) {
    eachTensor(value, [&](const at::Tensor& tensor) {
      const auto& given = place->given;
      const bool old = std::find(given.begin(), given.end(), storageOf(tensor)) != given.end();
      isView = isView || old;
      if (!old) made += bytesOf(tensor);
    });
  }
  const bool inPlace = !span.name.empty() && span.name.back() == '_';
  span.bytes = isView && made == 0 && !inPlace ? 0 : span.bytes + made;
  profile->leave();
}

Profile& current() {
  if (!profile) throw ArgumentError("no profile is running");
  return *profile;
}

napi_value profileBegin(const Arguments& args) {
  if (profile) throw ArgumentError("a profile is already running");
  profile = std::make_unique<Profile>();
  profile->handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(begin, end)
          .needsInputs(true)
          .needsOutputs(true)
          .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION, at::RecordScope::USER_SCOPE}));
  return undefined(args.env);
}

/** profileEnter(name): what follows lies inside, until profileLeave. */
napi_value profileEnter(const Arguments& args) {
  current().enter(args.string(0), kMark, -1);
  return undefined(args.env);
}

napi_value profileLeave(const Arguments& args) {
  if (current().open.empty()) throw ArgumentError("nothing was entered");
  current().leave();
  return undefined(args.env);
}

template <typename T>
napi_value numberArray(napi_env env, const std::vector<T>& numbers) {
  napi_value array;
  check(napi_create_array_with_length(env, numbers.size(), &array));
  for (size_t i = 0; i < numbers.size(); ++i)
    check(napi_set_element(env, array, i, fromNumber(env, static_cast<double>(numbers[i]))));
  return array;
}

/** profileEnd() -> for each span [name, kind, parent, sequence, begin, end, bytes, shapes] */
napi_value profileEnd(const Arguments& args) {
  const napi_env env = args.env;
  current();
  const std::unique_ptr<Profile> ended = std::move(profile);
  at::removeCallback(ended->handle);
  while (!ended->open.empty()) ended->leave();
  napi_value result;
  check(napi_create_array_with_length(env, ended->spans.size(), &result));
  for (size_t i = 0; i < ended->spans.size(); ++i) {
    const Span& span = ended->spans[i];
    napi_value row, shapes;
    check(napi_create_array_with_length(env, 8, &row));
    check(napi_set_element(env, row, 0, fromString(env, span.name)));
    const double numbers[] = {double(span.kind), double(span.parent), double(span.sequence), span.begin, span.end, span.bytes};
    for (uint32_t k = 0; k < 6; ++k) check(napi_set_element(env, row, k + 1, fromNumber(env, numbers[k])));
    check(napi_create_array_with_length(env, span.shapes.size(), &shapes));
    for (size_t k = 0; k < span.shapes.size(); ++k)
      check(napi_set_element(env, shapes, k, numberArray(env, span.shapes[k])));
    check(napi_set_element(env, row, 7, shapes));
    check(napi_set_element(env, result, i, row));
  }
  return result;
}

}  // namespace

void exportProfile(napi_env env, napi_value exports) {
  exportAll(env, exports,
            {{"profileBegin", guarded<profileBegin>},
             {"profileEnter", guarded<profileEnter>},
             {"profileLeave", guarded<profileLeave>},
             {"profileEnd", guarded<profileEnd>}});
}

}  // namespace lacuna
