import { LacunaError } from "../errors.js";

/** libtorch refused an operation, or could not be loaded. */
export class EngineError extends LacunaError {}
/** Shapes that do not fit. */
export class ShapeError extends LacunaError {}
/** A tensor was used after the scope that owned it had ended. */
export class DisposedError extends LacunaError {}
/** A call that makes no sense in the present state: reading values while recording, a promise inside a scope. */
export class StateError extends LacunaError {}
/** A checkpoint that cannot be used. */
export class CheckpointError extends LacunaError {}
