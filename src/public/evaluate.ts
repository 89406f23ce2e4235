/**
 * `lacuna/evaluate`: features, k-NN, linear probe, few labels, scores of a classifier.
 * @module lacuna/evaluate
 */
export { meanPerClass } from "../data/sources/labelled.js";
export { drawBlocks } from "../evaluate/blocks-curve.js";
export {
  type ClassifierEvaluation,
  evaluateClassifier,
  type NamedMistake,
  writeEvaluation,
} from "../evaluate/classifier.js";
export {
  type Classified,
  classifyAll,
  likeliestClasses,
  type PictureClassifier,
  type Unreadable,
} from "../evaluate/classify.js";
export { drawConfusion, drawMistakes, mistakesOf } from "../evaluate/confusion.js";
export { type Embedded, embedSource } from "../evaluate/embed.js";
export {
  type Encode,
  evaluateEncoder,
  type FeatureSetting,
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
export { FeatureFile, featureFormats } from "../evaluate/feature-file.js";
export { featureProbes } from "../evaluate/feature-probe.js";
export { type Extracted, extractFeatures, type LabelledFeatures } from "../evaluate/features.js";
export {
  affordableLabels,
  evaluateFewLabels,
  type FewLabels,
  type FewLabelsRow,
  fewLabels,
  type LabelCount,
} from "../evaluate/few-labels.js";
export { type KnnResult, knn } from "../evaluate/knn.js";
export { type LinearProbeResult, linearProbe } from "../evaluate/linear-probe.js";
export { classify, fitLogistic, type LogisticModel } from "../evaluate/logistic.js";
export { readMask } from "../evaluate/mask-file.js";
export { nearestNeighbours } from "../evaluate/neighbours.js";
export { type OpenedEncoder, openEncoder } from "../evaluate/open-encoder.js";
export { pixelFeatures } from "../evaluate/pixels.js";
export { featureSpread } from "../evaluate/rank.js";
export { type Reconstructed, type ReconstructOptions, reconstruct } from "../evaluate/reconstruct.js";
export { type Confusion, confusedPairs, type Scores, scoresOf } from "../evaluate/scores.js";
export { type Gain, gainInterval, type Interval, pairedInterval, wilsonInterval } from "../runs/summary.js";
