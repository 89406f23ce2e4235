/**
 * `lacuna/tensor`: tensors, their creation, scopes, gradients, random numbers, modes and threads.
 * @module lacuna/tensor
 */
export { cpuHasBfloat16, libtorchVersion } from "../engine/device.js";
export type { DType } from "../engine/dtype.js";
export { autocast, noGrad, setThreads, threads } from "../engine/modes.js";
export { liveTensors, scope } from "../engine/scope.js";
export { arange, cat, empty, eye, full, ones, stack, zeros } from "../tensor/creation.js";
export {
  atan2,
  attention,
  batchNorm,
  conv2d,
  crossEntropy,
  gelu,
  layerNorm,
  linear,
  maxPool2d,
  mseLoss,
  normalize,
  type Reduction,
  resizeBicubic,
  selfAttention,
  take,
} from "../tensor/functional.js";
export { backward, checkpoint, gradients } from "../tensor/grad.js";
export { Rng } from "../tensor/random.js";
export { withRandom } from "../tensor/step-random.js";
export { Tensor, tensor } from "../tensor/tensor.js";
