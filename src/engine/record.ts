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
  /** There where nothing is kept for backward, whatever it is computed from: within `noGrad` in what is recorded. */
  readonly isWithoutGradient?: true;
}

/** What passed the door while a function ran: the graph, read by graph/cost.ts and later by plan, ONNX and diagram. */
export interface Recording {
  readonly steps: readonly RecordedStep[];
}

/** A stretch of time: an operation, autograd's node of one (`backward`), or a module's forward pass. */
export interface Span {
  readonly kind: "operation" | "backward" | "module";
  /** Of an operation libtorch's (`aten::addmm`), of a module its key. */
  readonly name: string;
  /** The span around it, by its place in the list; −1 for none. */
  readonly parent: number;
  /** The same for an operation and its node; −1 where there is none. */
  readonly sequence: number;
  readonly beginSeconds: number;
  readonly endSeconds: number;
  /** Of all tensors that go in and come out. */
  readonly bytes: number;
  /** Of the tensors that go in. */
  readonly shapes: readonly (readonly number[])[];
}

class Recorder {
  readonly steps: RecordedStep[] = [];
  readonly path: string[] = [];
  /** Whether gradients are on in what is recorded; the mode around the recording does not count. */
  hasGradients = true;
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
    throw new StateError({
      problem: "a recording is already running.",
      code: "recording",
      expected: "no recording under way",
      actual: "one under way",
      remedy: "Recordings do not nest.",
    });
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
  const isWithoutGradient = active.hasGradients ? {} : ({ isWithoutGradient: true } as const);
  const module = [...active.path];
  active.steps.push({ op, inputs, attributes, outputs: outputs.map(describe), module, ...isWithoutGradient });
}

/** A stretch of what is recorded in which gradients are on or off, so that each step knows. */
export function withinGradMode<R>(enabled: boolean, body: () => R): R {
  if (active === undefined) return body();
  const recorder = active;
  const before = recorder.hasGradients;
  recorder.hasGradients = enabled;
  try {
    return body();
  } finally {
    recorder.hasGradients = before;
  }
}

/** Told of modules as they begin and end, while time is measured. */
interface Marks {
  enter(key: string): void;
  leave(): void;
}
let marks: Marks | undefined;

/** Runs `body` with marks set around the modules that it calls. */
export function withMarks<R>(given: Marks, body: () => R): R {
  marks = given;
  try {
    return body();
  } finally {
    marks = undefined;
  }
}

/** Whether anybody wants to know which module is running. */
export function areModulesNamed(): boolean {
  return active !== undefined || marks !== undefined;
}

/** A module's call, so that each step knows where it belongs. */
export function withinModule<R>(key: string, body: () => R): R {
  if (active === undefined && marks === undefined) return body();
  const path = active?.path;
  path?.push(key);
  marks?.enter(key);
  try {
    return body();
  } finally {
    marks?.leave();
    path?.pop();
  }
}

/** @throws StateError while recording */
export function refuseWhileRecording(what: string, remedy: string): void {
  if (active === undefined) return;
  throw new StateError({
    problem: `${what} while recording.`,
    code: "recording",
    path: active.path.join("."),
    expected: "operations on tensors only",
    actual: what,
    remedy,
  });
}
