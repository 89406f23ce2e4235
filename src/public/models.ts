/**
 * `lacuna/models`: the encoder's contract, the models of the package, what an encoder of one's own is made with, and checkpoints
 * opened and converted.
 * @module lacuna/models
 */
export {
  ConvnextV2,
  ConvnextV2Block,
  type ConvnextV2Config,
  convnextV2Config,
  convnextV2Sizes,
} from "../models/convnext-v2.js";
export {
  anyEncoder,
  type BlockEncoder,
  blockEncoder,
  type DenseEncoder,
  denseEncoder,
  type Encoder,
  type EncoderKind,
  type FeatureMap,
  type ImageShape,
  type PatchEncoder,
  type Pool,
  patchEncoder,
  placelessEncoder,
  type RegionEncoder,
  regionEncoder,
  type TokenEncoder,
  tokenEncoder,
} from "../models/encoder.js";
export { type ExportGraph, encoderOfMaps, type GraphInput, type GraphTap } from "../models/exports.js";
export { buildEncoder, type DefinedModel, type ModelConfig, modelConfig, models, usualModel } from "../models/index.js";
export type { Layout } from "../models/published/layout.js";
export type { Published } from "../models/published/open.js";
export { Registry } from "../models/registry.js";
export { Resnet, type ResnetConfig, resnetConfig, resnetSizes } from "../models/resnet.js";
export {
  blockMultiplyAdds,
  type DefaultChoice,
  type ModelSize,
  type OffersSizes,
  type SizeFacts,
} from "../models/sizes.js";
export { Swin, type SwinConfig, swinConfig, swinSizes } from "../models/swin/swin.js";
export { Vit, type VitConfig, vitConfig, vitSizes } from "../models/vit.js";
export { VitConvStem, type VitConvStemConfig, vitConvStemConfig, vitConvStemSizes } from "../models/vit-conv-stem.js";
export { type Converted, type ConvertOptions, convert } from "../train/checkpoints/convert.js";
export { assumedOf, configFrom, type ForeignHints, openModelFile } from "../train/checkpoints/from-checkpoint.js";
export {
  type LoadedConfig,
  type LoadedMethod,
  type LoadedModel,
  type LoadOptions,
  loadModel,
  untrainedModel,
  withMethod,
} from "../train/checkpoints/load.js";
export type { WeightSize } from "../train/checkpoints/norms.js";
