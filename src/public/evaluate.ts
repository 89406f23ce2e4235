/**
 * `lacuna/evaluate`: features, k-NN, linear probe, few labels, scores of a classifier.
 * @module lacuna/evaluate
 */
export { meanPerClass } from "../data/sources/labelled.js";
export { type Attended, type AttendOptions, attend } from "../evaluate/attend/attend.js";
export {
  type AttentiveProgress,
  type AttentiveRow,
  type AttentiveSetting,
  attentiveGain,
  evaluateAttentive,
} from "../evaluate/attentive/evaluate.js";
export {
  type AttentiveOptions,
  AttentiveProbe,
  type AttentiveResult,
  attentiveProbe,
  type LabelledTokens,
  normalizeTokens,
} from "../evaluate/attentive/probe.js";
export {
  type Classified,
  classifyAll,
  likeliestClasses,
  type PictureClassifier,
  type Unreadable,
} from "../evaluate/classifier/classify.js";
export { drawConfusion, drawMistakes, mistakesOf } from "../evaluate/classifier/confusion.js";
export {
  type ClassifierEvaluation,
  evaluateClassifier,
  type NamedMistake,
  writeEvaluation,
} from "../evaluate/classifier/evaluate.js";
export {
  type NeighbourClassifier,
  type NeighbourOptions,
  neighbourClassifier,
} from "../evaluate/classifier/neighbours.js";
export {
  type ProbeClassifier,
  type ProbeClassifierOptions,
  probeClassifier,
} from "../evaluate/classifier/probe.js";
export { type Confusion, confusedPairs, type Scores, scoresOf } from "../evaluate/classifier/scores.js";
export {
  type Encode,
  evaluateBlocks,
  evaluateEncoder,
  type FeatureSetting,
  type FeaturesProgress,
  gainOf,
  type Measure,
  type Measured,
  type MeasureProgress,
  type MeasureSetting,
  measureEncoder,
  type NamedEncoder,
  rawPixels,
  withUntrained,
} from "../evaluate/encoder.js";
export { featureProbes } from "../evaluate/feature-probe.js";
export {
  type Correspondence,
  type CorrespondenceOptions,
  correspondences,
  measureCorrespondence,
} from "../evaluate/features/correspondence.js";
export { type Embedded, embedSource } from "../evaluate/features/embed.js";
export { type Extracted, extractFeatures, type LabelledFeatures } from "../evaluate/features/extract.js";
export { FeatureFile, featureFormats } from "../evaluate/features/feature-file.js";
export {
  linearAlignment,
  measureOcclusion,
  type OcclusionInvariance,
  type OcclusionOptions,
  occlusionInvariance,
} from "../evaluate/features/occlusion.js";
export { type OpenedEncoder, openEncoder } from "../evaluate/features/open-encoder.js";
export { pixelFeatures } from "../evaluate/features/pixels.js";
export { featureSpread } from "../evaluate/features/rank.js";
export {
  affordableLabels,
  evaluateFewLabels,
  type FewLabels,
  type FewLabelsRow,
  fewLabels,
  type LabelCount,
} from "../evaluate/few-labels.js";
export { type KnnResult, knn } from "../evaluate/probes/knn.js";
export {
  type FittedProbe,
  fitLinearProbe,
  type LinearProbeResult,
  linearProbe,
} from "../evaluate/probes/linear-probe.js";
export { classify, fitLogistic, type LogisticModel } from "../evaluate/probes/logistic.js";
export { nearestNeighbours } from "../evaluate/probes/neighbours.js";
export { readMask } from "../evaluate/reconstruct/mask-file.js";
export { type Reconstructed, type ReconstructOptions, reconstruct } from "../evaluate/reconstruct/reconstruct.js";
export { flipTemplates, type Recall, retrieval, type ZeroShotOptions, zeroShot } from "../evaluate/zero-shot.js";
export { type Gain, gainInterval, type Interval, pairedInterval, wilsonInterval } from "../runs/summary.js";
export { drawBlocks } from "../sweep/partial/curve.js";
