/**
 * `lacuna/nn`: modules, layers and first values, for models and methods of one's own.
 * @module lacuna/nn
 */
export { Gelu, Relu, Tanh } from "../nn/activations.js";
export { Attention, type AttentionOptions, CrossAttention } from "../nn/attention.js";
export { BatchNorm1d, BatchNorm2d, type BatchNormOptions } from "../nn/batch-norm.js";
export { Block, type BlockOptions } from "../nn/block.js";
export { Conv2d, type ConvOptions, DepthwiseConv, type FirstValues, PatchConv } from "../nn/convolution/conv.js";
export { GlobalResponseNorm } from "../nn/convolution/global-response-norm.js";
export { type CellMask, cellLines, cellMask, stack, unstack } from "../nn/convolution/visible-cells.js";
export { DropPath, dropPathRates } from "../nn/drop-path.js";
export {
  kaimingNormalFanOut,
  kaimingUniform,
  normal,
  one,
  stackedXavierUniform,
  truncatedNormal,
  uniformFanIn,
  xavierUniform,
  zero,
} from "../nn/init.js";
export { LayerNorm } from "../nn/layer-norm.js";
export { Linear, WeightNormLinear } from "../nn/linear.js";
export { Mlp } from "../nn/mlp.js";
export { Chain, Module, type Part } from "../nn/module.js";
export { Buffer, type Initializer, onDevice, Parameter } from "../nn/parameter.js";
export { PatchEmbed, pair, patchify, type Size, unpatchify } from "../nn/patches.js";
export {
  relativeBias,
  relativeIndex,
  relativeTable,
  resizePositions,
  SharedPositions,
  sinCosInit,
  sinCosPositions,
} from "../nn/positions.js";
