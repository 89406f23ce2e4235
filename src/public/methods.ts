/**
 * `lacuna/methods`: the method's contract, the methods of the package, and the parts that they share.
 * @module lacuna/methods
 */
export type { DefaultsFacts, DefaultsFor, MethodDefaults } from "../methods/defaults.js";
export type { Health, Signal } from "../methods/health.js";
export { buildMethod, methods, usualMethod } from "../methods/index.js";
export { Beit, type BeitConfig, beit, beitConfig } from "../methods/masked/beit.js";
export { BeitV2, type BeitV2Config, beitV2, beitV2Config } from "../methods/masked/beit-v2.js";
export { Cae, type CaeConfig, cae, caeConfig, type Regressed } from "../methods/masked/cae.js";
export { Dvae, type DvaeConfig, dvae, dvaeConfig } from "../methods/masked/dvae.js";
export { Emae, type EmaeConfig, emae, emaeConfig } from "../methods/masked/emae.js";
export { Fcmae, type FcmaeConfig, fcmae, fcmaeConfig } from "../methods/masked/fcmae.js";
export { Mae, type MaeConfig, mae, maeConfig } from "../methods/masked/mae.js";
export { MaskFeat, type MaskFeatConfig, maskFeat, maskFeatConfig } from "../methods/masked/maskfeat.js";
export { Mp3, type Mp3Config, mp3, mp3Config } from "../methods/masked/mp3.js";
export { SimMim, type SimMimConfig, simmim, simmimConfig } from "../methods/masked/simmim.js";
export { Vqkd, type VqkdConfig, vqkd, vqkdConfig } from "../methods/masked/vqkd.js";
export {
  type Batch,
  type Borrowed,
  type DefinedMethod,
  defineMethod,
  type Fit,
  type GivenMask,
  type Hiding,
  type Loss,
  Method,
  type MethodSpec,
  type ParameterRule,
  type Pieces,
  type ReadText,
  type Reconstruction,
  type Settling,
  type Step,
  type TrainedRun,
} from "../methods/method.js";
export { Cmae, type CmaeConfig, cmae, cmaeConfig } from "../methods/mixed/cmae.js";
export { Extrema, type ExtremaConfig, extrema, extremaConfig } from "../methods/mixed/extrema.js";
export { Flip, type FlipConfig, flip, flipConfig } from "../methods/mixed/flip.js";
export { Macrl, type MacrlConfig, macrl, macrlConfig } from "../methods/mixed/macrl.js";
export {
  DecodedMim,
  LatentMim,
  type SiameseMimConfig,
  siameseMim,
  siameseMimConfig,
} from "../methods/mixed/siamese-mim.js";
export { SupMae, type SupmaeConfig, supmae, supmaeConfig } from "../methods/mixed/supmae.js";
export { augmentationConfig, maskedView } from "../methods/parts/augmentation.js";
export { dimensions, entropies, information, likeness, spread } from "../methods/parts/collapse.js";
export { DinoHead, type DinoHeadShape } from "../methods/parts/dino-head.js";
export { fillPictures } from "../methods/parts/filling/fill.js";
export { fillInGraph } from "../methods/parts/filling/fill-in-graph.js";
export { PatchDecoder, type PatchDecoderShape } from "../methods/parts/filling/patch-decoder.js";
export { type HeadShape, mlpHead, normedHead } from "../methods/parts/heads.js";
export { meanCosine } from "../methods/parts/losses/cosine.js";
export { type DinoTerms, dinoLoss } from "../methods/parts/losses/dino.js";
export {
  type Contrast,
  infoNce,
  type NtXentOptions,
  ntXent,
  pairNce,
  patchNce,
  queueNce,
} from "../methods/parts/losses/info-nce.js";
export { matchRegions, type RegionLossOptions, type Regions, regionLoss } from "../methods/parts/losses/regions.js";
export { type SinkhornOptions, sinkhorn } from "../methods/parts/losses/sinkhorn.js";
export { swappedCrossEntropy } from "../methods/parts/losses/swapped.js";
export {
  drawMask,
  drawSquareMask,
  encodePatches,
  encodeWithMaskToken,
  hiddenPatches,
  keptPatches,
  type Mask,
  maskFromNoise,
  maskOf,
} from "../methods/parts/masks.js";
export {
  type CropName,
  type CropsConfig,
  checkCrops,
  cropsOf,
  dinoCrops,
  dinoCropsConfig,
  encodeCrops,
  swavCrops,
  swavCropsConfig,
} from "../methods/parts/multi-crop.js";
export { KeyQueue } from "../methods/parts/queue.js";
export type { Target } from "../methods/parts/targets/target.js";
export {
  addedTargetConfig,
  ProjectorTeacher,
  type Student,
  type TargetConfig,
  Teacher,
  targetConfig,
  teacherFor,
} from "../methods/parts/teacher.js";
export type { Tokenizer } from "../methods/parts/tokenizers/tokenizer.js";
export { TrainedTokenizer, type TrainedTokenizerConfig } from "../methods/parts/tokenizers/trained.js";
export {
  asymmetricPair,
  corruptedPair,
  type FairPairConfig,
  fairPair,
  fairPairConfig,
  type RecolouredPairConfig,
  recolouredPair,
  recolouredPairConfig,
  type ShiftedPairConfig,
  type SimclrPairConfig,
  type SymmetricPairConfig,
  shiftedPair,
  shiftedPairConfig,
  simclrPair,
  simclrPairConfig,
  symmetricPair,
  symmetricPairConfig,
  type ViewPairConfig,
  viewPairConfig,
} from "../methods/parts/view-pair.js";
export { Byol, type ByolConfig, byol, byolConfig } from "../methods/siamese/byol.js";
export { Dino, type DinoConfig, dino, dinoConfig } from "../methods/siamese/dino.js";
export { EsVit, type EsVitConfig, esvit, esvitConfig } from "../methods/siamese/esvit.js";
export { Moco, type MocoConfig, moco, mocoConfig } from "../methods/siamese/moco.js";
export {
  MocoV2Plus,
  type MocoV2PlusConfig,
  mocoV2Plus,
  mocoV2PlusConfig,
} from "../methods/siamese/moco-v2-plus.js";
export { MocoV3, type MocoV3Config, mocoV3, mocoV3Config } from "../methods/siamese/moco-v3.js";
export { Sdssl, type SdsslConfig, sdssl, sdsslConfig } from "../methods/siamese/sdssl.js";
export { Simclr, type SimclrConfig, simclr, simclrConfig } from "../methods/siamese/simclr.js";
export { Simsiam, type SimsiamConfig, simsiam, simsiamConfig } from "../methods/siamese/simsiam.js";
export { Swav, type SwavConfig, swav, swavConfig } from "../methods/siamese/swav.js";
export { type AugmentationConfig, judgingView, trainingView } from "../methods/supervised/augmentation.js";
export { Labelled, type LabelModel, type LabelTraining } from "../methods/supervised/labelled.js";
export {
  type SupervisedConfig,
  SupervisedTraining,
  supervised,
  supervisedConfig,
} from "../methods/supervised/supervised.js";
export { type TextConfig, TextTower } from "../methods/text/tower.js";
export { readVocabulary, vocabularyOf, wordPiece } from "../methods/text/word-piece.js";
export { alone, type World } from "../methods/world.js";
