/**
 * `lacuna/export`: what was trained for other programs: ONNX, a folder for transformers, the page for the browser.
 * @module lacuna/export
 */
export { type HuggingFaceFolder, type HuggingFaceOptions, writeHuggingFace } from "../export/hugging-face.js";
export {
  autoencoderOnnx,
  classifierOnnx,
  encoderOnnx,
  type Judge,
  type ModelOnnxOptions,
  preprocessing,
} from "../export/onnx.js";
export { makePage, type PageOptions } from "../export/page/make.js";
export { exportOnnx, type OnnxFile, type OnnxOptions } from "../graph/onnx/export.js";
export type { PageDescription } from "../page/description.js";
export { checkRoom, type PageParts, writePage } from "../page/folder.js";
export { pageOf, type RunPage } from "../page/of-run.js";
export { type PageServer, servePage } from "../page/server.js";
