import { binding } from "../engine/binding.js";
import { guarded } from "../engine/dispatch.js";
import { StateError } from "../engine/errors.js";
import {
  type AutocastState,
  autocast,
  autocastState,
  enableGrad,
  gradEnabled,
  noGrad,
  withoutAutocast,
} from "../engine/modes.js";
import { isRecording } from "../engine/record.js";
import { outside, scope } from "../engine/scope.js";
import { atRandomPlace, type RandomPlace, randomPlace } from "./step-random.js";
import { type Tensor, wrap } from "./tensor.js";

/** input, others -> output */
type SegmentBody = (input: Tensor, ...others: Others) => Tensor;
/** Tensors that may be absent, each in its place. */
type Others = (Tensor | undefined)[];

/** A stretch of the forward pass whose activations are computed again in backward. */
interface Segment {
  readonly body: SegmentBody;
  readonly input: Tensor;
  /** What it is given besides; no gradient passes to it. */
  readonly others: Readonly<Others>;
  readonly output: Tensor;
  readonly autocast: AutocastState | undefined;
  /** Where layers' draws stood at its beginning. */
  readonly random: RandomPlace | undefined;
}

const segments: Segment[] = [];

/**
 * Activation checkpointing (Chen et al. 2016): runs `body` without keeping what backward needs, and runs it again in
 * `backward`. Driven from here rather than by a node in the graph: on CUDA a node runs on a thread of libtorch's where
 * JavaScript may not. What layers draw (step-random.ts) is drawn again alike; other random numbers of `body` must come from keys.
 * Where nothing is differentiated (inside `noGrad`, while recording) this is `body` itself.
 * @param others what `body` is given besides, and no gradient passes to: masks. What it finds elsewhere must live until `backward`
 */
export function checkpoint<O extends Others>(
  body: (input: Tensor, ...others: O) => Tensor,
  input: Tensor,
  ...others: O
): Tensor {
  if (!gradEnabled() || isRecording()) return body(input, ...others);
  const random = randomPlace();
  const output = scope(() => noGrad(() => body(input, ...others)).detach()).setRequiresGrad(true);
  const held = { input: hold(input), others: others.map((other) => other && hold(other)), output: hold(output) };
  segments.push({ body: body as SegmentBody, ...held, autocast: autocastState(), random });
  return output;
}

let recomputing = false;

/** Whether a checkpointed segment runs again: what its first run changed in place (running statistics) has its new value already. */
export function isRecomputing(): boolean {
  return recomputing;
}

function asRecomputing<R>(body: () => R): R {
  const before = recomputing;
  recomputing = true;
  try {
    return body();
  } finally {
    recomputing = before;
  }
}

/** Another handle to the same tensor, which no scope owns: the module's scope ends before backward runs. */
function hold(tensor: Tensor): Tensor {
  return outside(() => tensor.to(tensor.dtype)); // with the type that it has, `to` gives the tensor itself
}

/**
 * Adds the gradient of a scalar into `.grad` of every leaf, checkpointed segments included. An autocast region around
 * this call is off meanwhile: types are those of the forward pass, and a product that ran in float32 stays there.
 */
export function backward(loss: Tensor): void {
  try {
    withoutAutocast(() => scope(() => run(loss, undefined)));
  } finally {
    dropCheckpoints();
  }
}

/** Backward from `root` through the segments that the forward pass left; those may leave inner ones. */
function run(root: Tensor, gradient: Tensor | undefined): void {
  const pending = segments.splice(0);
  try {
    const incoming = gradient === undefined ? null : [gradient.id];
    guarded("backward", [root], () => binding().backward([root.id], incoming, pending.length > 0));
    for (let segment = pending.pop(); segment !== undefined; segment = pending.pop()) {
      runSegment(segment);
    }
  } finally {
    pending.forEach(free);
  }
}

function runSegment(segment: Segment): void {
  try {
    scope(() => backwardSegment(segment));
  } finally {
    free(segment);
  }
}

function free({ input, others, output }: Segment): void {
  for (const held of [input, ...others, output]) held?.dispose();
}

/** Forgets the segments of a forward pass whose backward will not be run. */
export function dropCheckpoints(): void {
  segments.splice(0).forEach(free);
}

/** Later segments have added all they give to `output.grad` when this runs: segments end in reverse order. */
function backwardSegment({ body, input, others, output, autocast: state, random }: Segment): void {
  const gradient = output.grad;
  if (gradient === undefined) return;
  output.grad = undefined;
  const needsInput = input.requiresGrad;
  const leaf = input.detach().setRequiresGrad(needsInput);
  const forward = (): Tensor =>
    asRecomputing(() => enableGrad(() => atRandomPlace(random, () => body(leaf, ...others))));
  const plain = state === undefined && autocastState() === undefined;
  const again = plain ? forward() : autocast(state?.dtype ?? "float32", forward, state?.device);
  if (!again.requiresGrad) return; // a frozen body, of data
  run(again, gradient);
  const passed = leaf.grad;
  if (passed !== undefined) binding().backward([input.id], [passed.id], true);
}

/**
 * Gradients of outputs with respect to inputs, nothing is added anywhere; undefined where an input had no part.
 * @throws StateError where checkpointed segments wait for `backward`: their part would be missing silently
 */
export function gradients(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  incoming?: readonly Tensor[],
): (Tensor | undefined)[] {
  if (segments.length > 0) {
    throw new StateError({
      problem: "gradients() does not see checkpointed segments.",
      code: "checkpoint",
      expected: "a forward pass without checkpoint()",
      actual: `${segments.length} segments`,
      remedy: "Run backward() or dropCheckpoints() first, or leave checkpoint() out of this forward pass.",
    });
  }
  const ids = (tensors: readonly Tensor[]): number[] => tensors.map((tensor) => tensor.id);
  const made = guarded("gradients", [...outputs, ...inputs, ...(incoming ?? [])], () =>
    binding().grad(ids(outputs), ids(inputs), incoming === undefined ? null : ids(incoming), false, false),
  );
  return made.map((id) => (id === 0 ? undefined : wrap(id, "gradient")));
}
