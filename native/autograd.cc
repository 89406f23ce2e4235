// Gradients, and the modes that are dispatch keys or thread-local state in libtorch: grad mode, autocast, threads.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

#include "kernels/kernels.h"
#include "napi.h"

namespace lacuna {
namespace {

std::vector<at::Tensor> tensorsOf(const Arguments& args, size_t i) {
  std::vector<at::Tensor> result;
  if (!args.has(i)) return result;
  for (double handle : args.numbers(i)) result.push_back(handles().get(handle));
  return result;
}

/** backward(roots, gradients | null, keepGraph): adds into the leaves' `.grad`. */
napi_value backward(const Arguments& args) {
  torch::autograd::backward(tensorsOf(args, 0), tensorsOf(args, 1), args.boolean(2), false);
  return undefined(args.env);
}

/** grad(outputs, inputs, gradients | null, keepGraph, createGraph) -> handles, 0 where an input was not used. */
napi_value grad(const Arguments& args) {
  const auto result = torch::autograd::grad(tensorsOf(args, 0), tensorsOf(args, 1), tensorsOf(args, 2),
                                            args.boolean(3), args.boolean(4), true);
  return handleArray(args.env, result);
}

napi_value gradOf(const Arguments& args) {
  const at::Tensor& gradient = handles().get(args.number(0)).grad();
  return fromNumber(args.env, gradient.defined() ? handles().add(gradient) : 0);
}

/** setGrad(tensor, gradient handle | 0). A gradient of another shape would be read out of bounds by fused optimisers. */
napi_value setGrad(const Arguments& args) {
  const at::Tensor& tensor = handles().get(args.number(0));
  const double handle = args.number(1);
  const at::Tensor gradient = handle == 0 ? at::Tensor() : handles().get(handle);
  if (gradient.defined()) {
    TORCH_CHECK(gradient.sizes() == tensor.sizes(), "a tensor ", tensor.sizes(), " cannot have a gradient ",
                gradient.sizes());
    TORCH_CHECK(gradient.options().type_equal(tensor.options()) && gradient.device() == tensor.device(),
                "a tensor of ", tensor.dtype(), " on ", tensor.device(), " cannot have a gradient of ",
                gradient.dtype(), " on ", gradient.device());
  }
  tensor.mutable_grad() = gradient;
  return undefined(args.env);
}

napi_value requiresGrad(const Arguments& args) {
  return fromBoolean(args.env, handles().get(args.number(0)).requires_grad());
}

napi_value setRequiresGrad(const Arguments& args) {
  handles().get(args.number(0)).requires_grad_(args.boolean(1));
  return undefined(args.env);
}

napi_value gradMode(const Arguments& args) { return fromBoolean(args.env, c10::GradMode::is_enabled()); }

/**
 * setGradMode(enabled) -> what it was. Autocast's copy of a weight that was made without gradients has no history: used
 * again with gradients on, the weight would silently get none (pytorch/pytorch#48049), so the copies go.
 */
napi_value setGradMode(const Arguments& args) {
  const bool before = c10::GradMode::is_enabled();
  const bool enabled = args.boolean(0);
  if (enabled && !before) at::autocast::clear_cache();
  c10::GradMode::set_enabled(enabled);
  return fromBoolean(args.env, before);
}

struct AutocastState {
  bool enabled;
  at::ScalarType dtype;
};

std::vector<AutocastState>& autocastStack() {
  thread_local std::vector<AutocastState> stack;
  return stack;
}

/** enterAutocast(device type, dtype code, enabled). Regions nest; the copies of weights live until the outermost ends. */
napi_value enterAutocast(const Arguments& args) {
  const auto device = c10::Device(args.string(0)).type();
  const at::ScalarType dtype = toScalarType(args.env, args.values[1]);
  const bool enabled = args.boolean(2);
  autocastStack().push_back({at::autocast::is_autocast_enabled(device), at::autocast::get_autocast_dtype(device)});
  at::autocast::set_autocast_enabled(device, enabled);
  at::autocast::set_autocast_dtype(device, dtype);
  at::autocast::increment_nesting();
  return undefined(args.env);
}

/** A copy of a weight must not outlive the outermost region: the optimiser changes the weight in place. */
napi_value leaveAutocast(const Arguments& args) {
  TORCH_CHECK(!autocastStack().empty(), "no autocast region is open");
  const auto device = c10::Device(args.string(0)).type();
  const AutocastState before = autocastStack().back();
  autocastStack().pop_back();
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device, before.enabled);
  at::autocast::set_autocast_dtype(device, before.dtype);
  return undefined(args.env);
}

/** Forgets the copies of weights: those made without gradients must not serve where gradients are wanted. */
napi_value clearAutocast(const Arguments& args) {
  at::autocast::clear_cache();
  return undefined(args.env);
}

napi_value setThreads(const Arguments& args) {
  const int64_t count = args.integer(0);
  TORCH_CHECK(count >= 1 && count <= 4096, "expected 1 to 4096 threads, got ", count);
  at::set_num_threads(static_cast<int>(count));
  return undefined(args.env);
}

napi_value threads(const Arguments& args) { return fromNumber(args.env, at::get_num_threads()); }

napi_value setDeterministic(const Arguments& args) {
  at::globalContext().setDeterministicAlgorithms(args.boolean(0), /*warn_only=*/true);
  return undefined(args.env);
}

napi_value hasCuda(const Arguments& args) { return fromBoolean(args.env, at::hasCUDA()); }
napi_value kernelPath(const Arguments& args) { return fromString(args.env, kernels::path()); }

}  // namespace

void exportAutograd(napi_env env, napi_value exports) {
  exportAll(env, exports,
            {{"backward", guarded<backward>},
             {"grad", guarded<grad>},
             {"gradOf", guarded<gradOf>},
             {"setGrad", guarded<setGrad>},
             {"requiresGrad", guarded<requiresGrad>},
             {"setRequiresGrad", guarded<setRequiresGrad>},
             {"gradMode", guarded<gradMode>},
             {"setGradMode", guarded<setGradMode>},
             {"enterAutocast", guarded<enterAutocast>},
             {"leaveAutocast", guarded<leaveAutocast>},
             {"clearAutocast", guarded<clearAutocast>},
             {"setThreads", guarded<setThreads>},
             {"threads", guarded<threads>},
             {"setDeterministic", guarded<setDeterministic>},
             {"hasCuda", guarded<hasCuda>},
             {"kernelPath", guarded<kernelPath>}});
}

}  // namespace lacuna
