/**
 * `lacuna/errors`: the kinds of errors that Lacuna throws on purpose. All are LacunaErrors, with the same fields.
 * @module lacuna/errors
 */
export { BadPictureError, DataError } from "../data/errors.js";
export { BadDataError } from "../data/loader/bad-samples.js";
export { CheckpointError, DisposedError, EngineError, ShapeError, StateError } from "../engine/errors.js";
export { ConfigError, type ErrorDetails, LacunaError } from "../errors.js";
export { FormatError } from "../formats/errors.js";
export { ExportError } from "../graph/onnx/graph.js";
export { PageError } from "../page/errors.js";
export { FileError, RunError } from "../runs/errors.js";
export { NonFiniteError } from "../train/finite.js";
