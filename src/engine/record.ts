import { StateError } from "./errors.js";
import type { TensorRef } from "./handle.js";

/** A tensor as the recording knows it. */
export interface RecordedTensor {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: string;
  /** The number of its memory: views share it. Another may get it later, so compare within a step only. */
  readonly storage?: number;
  /** Whether its elements lie in order without gaps; products copy what does not. */
  readonly contiguous?: boolean;
}

/** One operation that passed the door. */
export interface RecordedStep {
  readonly op: string;
  readonly inputs: readonly RecordedTensor[];
  /** The arguments in the operator's order, tensors replaced by `{ tensor: position in inputs }`. */
  readonly attributes: readonly unknown[];
  readonly outputs: readonly RecordedTensor[];
  /** The module path that made the call, outermost first. */
  readonly module: readonly string[];
}

/** What passed the door while a function ran: the graph, read by graph/cost.ts and later by plan, ONNX and diagram. */
export interface Recording {
  readonly steps: readonly RecordedStep[];
}

class Recorder {
  readonly steps: RecordedStep[] = [];
  readonly path: string[] = [];
}

let active: Recorder | undefined;

export function isRecording(): boolean {
  return active !== undefined;
}

/**
 * Runs `body` and keeps every operation it dispatched. Reading values and in-place operations throw meanwhile: a
 * recording cannot see what depends on data.
 * @throws StateError when recordings nest
 */
export function record<R>(body: () => R): { result: R; recording: Recording } {
  if (active !== undefined) {
    throw new StateError("a recording is already running.", { code: "recording", remedy: "Recordings do not nest." });
  }
  const recorder = new Recorder();
  active = recorder;
  try {
    return { result: body(), recording: { steps: recorder.steps } };
  } finally {
    active = undefined;
  }
}

/** Called at the door. */
export function recordStep(
  op: string,
  args: readonly unknown[],
  outputs: readonly TensorRef[],
  describe: (tensor: TensorRef) => RecordedTensor,
  isTensor: (value: unknown) => value is TensorRef,
): void {
  if (active === undefined) return;
  const inputs: RecordedTensor[] = [];
  const attribute = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(attribute);
    if (!isTensor(value)) return value;
    inputs.push(describe(value));
    return { tensor: inputs.length - 1 };
  };
  const attributes = args.map(attribute);
  active.steps.push({ op, inputs, attributes, outputs: outputs.map(describe), module: [...active.path] });
}

/** A module's call, so that each step knows where it belongs. */
export function withinModule<R>(key: string, body: () => R): R {
  if (active === undefined) return body();
  const { path } = active;
  path.push(key);
  try {
    return body();
  } finally {
    path.pop();
  }
}

/** @throws StateError while recording */
export function refuseWhileRecording(what: string, remedy: string): void {
  if (active === undefined) return;
  throw new StateError(`${what} while recording.`, {
    code: "recording",
    path: active.path.join("."),
    expected: "operations on tensors only",
    actual: what,
    remedy,
  });
}
