import { binding } from "../engine/binding.js";
import { autocast, autocastState, enableGrad, noGrad } from "../engine/modes.js";
import { outside, scope } from "../engine/scope.js";
import { type Tensor, wrap } from "./tensor.js";

/** A stretch of the forward pass whose activations are computed again in backward. */
interface Segment {
  readonly body: (input: Tensor) => Tensor;
  readonly input: Tensor;
  readonly output: Tensor;
  readonly autocast: ReturnType<typeof autocastState>;
}

const segments: Segment[] = [];

/**
 * Activation checkpointing (Chen et al. 2016): runs `body` without keeping what backward needs, and runs it again in
 * `backward`. Driven from here rather than by a node in the graph: on CUDA a node runs on a thread of libtorch's where
 * JavaScript may not. `body` must draw its random numbers from keys, so that they are the same the second time.
 */
export function checkpoint(body: (input: Tensor) => Tensor, input: Tensor): Tensor {
  const output = noGrad(() => body(input)).detach();
  binding().clearAutocast(); // the weights' copies made here have no history: a later use must make its own
  output.setRequiresGrad(true);
  segments.push({ body, input: keep(input), output: keep(output), autocast: autocastState() });
  return output;
}

/** A handle of the tape's own: the scopes of the modules in between end before backward runs. */
function keep(value: Tensor): Tensor {
  return outside(() => wrap(binding().alias(value.id), value.origin));
}

/** Adds the gradient of a scalar into `.grad` of every leaf, checkpointed segments included. */
export function backward(loss: Tensor): void {
  const pending = segments.splice(0);
  binding().backward([loss.id], null, pending.length > 0);
  for (const segment of pending.reverse()) {
    scope(() => backwardSegment(segment));
    free(segment);
  }
}

function free({ input, output }: Segment): void {
  input.dispose();
  output.dispose();
}

/** Forgets the segments of a forward pass whose backward will not be run. */
export function dropCheckpoints(): void {
  for (const segment of segments.splice(0)) free(segment);
}

/** Later segments have added all they give to `output.grad` when this runs: segments end in reverse order. */
function backwardSegment({ body, input, output, autocast: state }: Segment): void {
  const gradient = output.grad;
  if (gradient === undefined) return;
  const needsInput = input.requiresGrad;
  const leaf = input.detach().setRequiresGrad(needsInput);
  const run = (): Tensor => enableGrad(() => body(leaf));
  const again = state === undefined ? run() : autocast(state.dtype, run, state.device);
  binding().backward([again.id], [gradient.id], false);
  output.grad = undefined;
  const passed = needsInput ? leaf.grad : undefined;
  if (passed !== undefined) binding().backward([input.id], [passed.id], true);
}

/** Gradients of outputs with respect to inputs, nothing is added anywhere; undefined where an input had no part. */
export function gradients(outputs: readonly Tensor[], inputs: readonly Tensor[], incoming?: readonly Tensor[]): (Tensor | undefined)[] {
  const ids = binding().grad(outputs.map((t) => t.id), inputs.map((t) => t.id), incoming?.map((t) => t.id) ?? null, false, false);
  return ids.map((id) => (id === 0 ? undefined : wrap(id, "gradient")));
}

