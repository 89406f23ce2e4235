/**
 * `lacuna/data`: sources of pictures, decoding, views, the loader, the doctor. No libtorch is loaded.
 * @module lacuna/data
 */
export { type Decoded, decodeFile, decodePart, type PictureFacts, readPictureFile } from "../data/decode.js";
export { examine } from "../data/doctor/examine.js";
export { type DoctorReport, doctorReportSchema } from "../data/doctor/report.js";
export { type PictureSurvey, surveyPictures } from "../data/doctor/survey.js";
export { reportText } from "../data/doctor/text.js";
export { BadPictureError, DataError } from "../data/errors.js";
export { type Batch, defaultWorkers, type Loader, type LoaderOptions, openLoader } from "../data/loader.js";
export { KeyedRandom, type RandomKey } from "../data/random.js";
export { crop, type Picture, type ResampleOptions, resample } from "../data/resample.js";
export { openSource, type Source, type SourceInput, type SourceProgress, type SourceSpec } from "../data/source.js";
export { cacheFolder } from "../data/sources/cache.js";
export {
  chooseLabelled,
  type LabelChoice,
  labelChoiceSchema,
  meanPerClass,
  sharesText,
} from "../data/sources/labelled.js";
export { captionsText, withCaptions } from "../data/sources/lists/captions.js";
export { sourceOfFiles } from "../data/sources/lists/file-list.js";
export { isJpegName } from "../data/sources/names.js";
export { type PackOptions, type PackProgress, type PackSummary, pack } from "../data/sources/packed/pack.js";
export { PACK_FORMATS, type PackFormat } from "../data/sources/packed/source.js";
export { findSplits, type SplitName, type Splits, splitOfName } from "../data/sources/split/folders.js";
export { drawn, subsetOf } from "../data/sources/subset.js";
export {
  classDifferences,
  classesText,
  openTrainTest,
  sharedPictures,
  someByName,
  type TrainTest,
  type TrainTestSpecs,
  trainTestOf,
} from "../data/sources/train-test.js";
export { apply } from "../data/transform.js";
export {
  sizeAfter,
  type Transform,
  type TransformStep,
  transformSchema,
  type ViewSpec,
  viewSchema,
} from "../data/views.js";
