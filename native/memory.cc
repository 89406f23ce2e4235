// Bytes in and out of tensors, what a handle is, and releasing it.
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <torch/version.h>

#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "napi.h"

namespace lacuna {
namespace {

struct Bytes {
  const void* data;
  size_t size;
};

Bytes bytesOf(const Arguments& args, size_t i) {
  napi_typedarray_type type;
  size_t length;
  void* data;
  check(napi_get_typedarray_info(args.env, args.values[i], &type, &length, &data, nullptr, nullptr));
  static constexpr size_t kWidth[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 2};  // the last is Float16Array, Node 24
  TORCH_CHECK(static_cast<size_t>(type) < std::size(kWidth), "an unknown kind of typed array");
  return {data, length * kWidth[type]};
}

/** Before anything is allocated: a wrong shape must not ask for terabytes. */
void checkSize(const std::vector<int64_t>& shape, c10::ScalarType dtype, size_t bytes) {
  double wanted = static_cast<double>(c10::elementSize(dtype));
  for (int64_t side : shape) {
    TORCH_CHECK(side >= 0, "a side of the shape is negative: ", side);
    wanted *= static_cast<double>(side);
  }
  TORCH_CHECK(wanted == static_cast<double>(bytes), "the shape needs ", wanted, " bytes, got ", bytes);
}

/**
 * fromBytes(typed array, shape, dtype code, device): the bytes are copied, never borrowed. For a GPU by way of page-locked memory,
 * from which the copy runs on while JavaScript goes on; libtorch's allocator keeps that memory until the copy has ended.
 */
napi_value fromBytes(const Arguments& args) {
  const Bytes bytes = bytesOf(args, 0);
  const at::ScalarType dtype = toScalarType(args.env, args.values[2]);
  const std::vector<int64_t> shape = args.integers(1);
  checkSize(shape, dtype, bytes.size);
  const c10::Device device(args.string(3));
  at::Tensor host = at::empty(shape, at::TensorOptions().dtype(dtype).pinned_memory(device.is_cuda()));
  if (bytes.size > 0) std::memcpy(host.mutable_data_ptr(), bytes.data, bytes.size);
  return fromNumber(args.env, handles().add(device.is_cpu() ? host : host.to(device, device.is_cuda())));
}

/** readBytes(tensor) -> ArrayBuffer with a copy, row-major */
napi_value readBytes(const Arguments& args) {
  const at::Tensor host = handles().get(args.number(0)).detach().to(at::kCPU).contiguous();
  void* data;
  napi_value buffer;
  check(napi_create_arraybuffer(args.env, host.nbytes(), &data, &buffer));
  if (host.nbytes() > 0) std::memcpy(data, host.const_data_ptr(), host.nbytes());
  return buffer;
}

/** writeBytes(tensor, typed array): fills a contiguous tensor in place, on any device. */
napi_value writeBytes(const Arguments& args) {
  const at::Tensor& target = handles().get(args.number(0));
  const Bytes bytes = bytesOf(args, 1);
  TORCH_CHECK(target.nbytes() == bytes.size, "the tensor has ", target.nbytes(), " bytes, got ", bytes.size);
  const auto host = at::from_blob(const_cast<void*>(bytes.data), target.sizes(), at::TensorOptions().dtype(target.dtype()));
  at::Tensor plain = target.detach();
  plain.copy_(host);
  return undefined(args.env);
}

napi_value item(const Arguments& args) {
  const at::Tensor& tensor = handles().get(args.number(0));
  TORCH_CHECK(tensor.numel() == 1, "item() needs one element, got ", tensor.numel());
  return fromNumber(args.env, tensor.item().toDouble());
}

napi_value shape(const Arguments& args) {
  const auto sizes = handles().get(args.number(0)).sizes();
  napi_value result;
  check(napi_create_array_with_length(args.env, sizes.size(), &result));
  for (size_t i = 0; i < sizes.size(); ++i)
    check(napi_set_element(args.env, result, i, fromNumber(args.env, static_cast<double>(sizes[i]))));
  return result;
}

napi_value dtype(const Arguments& args) {
  return fromNumber(args.env, static_cast<double>(handles().get(args.number(0)).scalar_type()));
}

napi_value device(const Arguments& args) { return fromString(args.env, handles().get(args.number(0)).device().str()); }

/** Bytes of the tensor's storage, shared storage counted in full. */
napi_value storageBytes(const Arguments& args) {
  const at::Tensor& tensor = handles().get(args.number(0));
  return fromNumber(args.env, tensor.has_storage() ? static_cast<double>(tensor.storage().nbytes()) : 0);
}

/** A number that two tensors share while one is a view of the other; meaningless once the storage is gone. */
napi_value storageId(const Arguments& args) {
  const at::Tensor& tensor = handles().get(args.number(0));
  const auto* storage = tensor.has_storage() ? tensor.storage().unsafeGetStorageImpl() : nullptr;
  return fromNumber(args.env, static_cast<double>(reinterpret_cast<uintptr_t>(storage)));
}

/** What libtorch's allocator reports while it stands in the thread's debug information (as its profiler does). */
class Meter : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    current += bytes;
    peak = std::max(peak, current);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t current = 0;
  int64_t peak = 0;
};

/** meterMemory(): from now on every allocation of this thread is counted. */
napi_value meterMemory(const Arguments& args) {
  c10::ThreadLocalDebugInfo::_push(c10::DebugInfoKind::PROFILER_STATE, std::make_shared<Meter>());
  return undefined(args.env);
}

/** meteredMemory() -> [bytes at present, at most], of what was allocated since; counting ends */
napi_value meteredMemory(const Arguments& args) {
  const auto meter =
      std::dynamic_pointer_cast<Meter>(c10::ThreadLocalDebugInfo::_pop(c10::DebugInfoKind::PROFILER_STATE));
  TORCH_CHECK(meter, "memory was not being counted");
  napi_value result;
  check(napi_create_array_with_length(args.env, 2, &result));
  check(napi_set_element(args.env, result, 0, fromNumber(args.env, static_cast<double>(meter->current))));
  check(napi_set_element(args.env, result, 1, fromNumber(args.env, static_cast<double>(meter->peak))));
  return result;
}

napi_value isContiguous(const Arguments& args) {
  return fromBoolean(args.env, handles().get(args.number(0)).is_contiguous());
}

/** release(handle): an unknown or released one is passed over. */
napi_value release(const Arguments& args) {
  handles().release(args.number(0));
  return undefined(args.env);
}

/** releaseAll(Float64Array of handles, from, to): likewise, all that lie there. */
napi_value releaseAll(const Arguments& args) {
  const Bytes bytes = bytesOf(args, 0);
  const int64_t from = args.integer(1), to = args.integer(2);
  const auto length = static_cast<int64_t>(bytes.size / sizeof(double));
  if (from < 0 || to < from || to > length || reinterpret_cast<uintptr_t>(bytes.data) % alignof(double) != 0)
    throw ArgumentError("expected a part of " + std::to_string(length) + " handles");
  HandleTable& table = handles();
  for (int64_t i = from; i < to; ++i) table.release(static_cast<const double*>(bytes.data)[i]);
  return undefined(args.env);
}

/** alias(tensor) -> a second handle to the same tensor, graph and gradient included */
napi_value alias(const Arguments& args) {
  return fromNumber(args.env, handles().add(handles().get(args.number(0))));
}

/** Gives memory that is free inside the C heap back to the system. */
napi_value trim(const Arguments& args) {
  malloc_trim(0);
  return undefined(args.env);
}

napi_value alive(const Arguments& args) { return fromBoolean(args.env, handles().alive(args.number(0))); }
napi_value live(const Arguments& args) { return fromNumber(args.env, static_cast<double>(handles().live())); }
napi_value version(const Arguments& args) { return fromString(args.env, TORCH_VERSION); }

/** adjustExternalMemory(bytes): tells V8 of storage that escaped every scope, so that its collector runs in time. */
napi_value adjustExternalMemory(const Arguments& args) {
  int64_t total;
  check(napi_adjust_external_memory(args.env, static_cast<int64_t>(args.number(0)), &total));
  return fromNumber(args.env, static_cast<double>(total));
}

}  // namespace

void exportMemory(napi_env env, napi_value exports) {
  exportAll(env, exports,
            {{"fromBytes", guarded<fromBytes>},
             {"readBytes", guarded<readBytes>},
             {"writeBytes", guarded<writeBytes>},
             {"item", guarded<item>},
             {"shape", guarded<shape>},
             {"dtype", guarded<dtype>},
             {"device", guarded<device>},
             {"storageBytes", guarded<storageBytes>},
             {"storageId", guarded<storageId>},
             {"meterMemory", guarded<meterMemory>},
             {"meteredMemory", guarded<meteredMemory>},
             {"isContiguous", guarded<isContiguous>},
             {"release", guarded<release>},
             {"releaseAll", guarded<releaseAll>},
             {"alias", guarded<alias>},
             {"trim", guarded<trim>},
             {"alive", guarded<alive>},
             {"live", guarded<live>},
             {"version", guarded<version>},
             {"adjustExternalMemory", guarded<adjustExternalMemory>}});
}

}  // namespace lacuna
