import { outside } from "../engine/scope.js";
import { empty } from "../tensor/creation.js";
import type { Rng } from "../tensor/random.js";
import { type Shape, Tensor } from "../tensor/tensor.js";

/** Gives a parameter its first values. @returns a tensor of `shape` */
export type Initializer = (shape: Shape, rng: Rng) => Tensor;

let device = "cpu";

/** Modules made inside `body` have their parameters on this device; `meta` allocates nothing. */
export function onDevice<R>(wanted: string, body: () => R): R {
  const before = device;
  device = wanted;
  try {
    return body();
  } finally {
    device = before;
  }
}

/**
 * Runs `body` while the parameters stand for their shapes alone: the same module, on the `meta` device. Their values are
 * untouched and back afterwards. What is recorded meanwhile costs nothing.
 */
export function onMeta<R>(parameters: Iterable<Parameter>, body: () => R): R {
  const swapped = [...parameters].map((parameter) => {
    const shape = outside(() => empty(parameter.shape, { device: "meta", dtype: parameter.dtype }));
    return { parameter, shape, own: parameter.id };
  });
  try {
    for (const { parameter, shape } of swapped) parameter.id = shape.id;
    return body();
  } finally {
    for (const { parameter, shape, own } of swapped) {
      parameter.id = own;
      shape.dispose();
    }
  }
}

/** A tensor that belongs to a module: it is in the module's state, and `close` frees it. */
export class Parameter extends Tensor {
  constructor(
    shape: Shape,
    readonly initializer: Initializer,
    /** False for what training leaves as it is: fixed positions. */
    readonly trainable = true,
  ) {
    const made = outside(() => empty(shape, { device }));
    super(made.id, "parameter");
    owners.set(this, made); // the finaliser of `made` must not free the handle while this lives
    if (trainable) this.setRequiresGrad(true);
  }
}

/** State that no optimiser touches: running statistics, queues. In the state like a parameter. */
export class Buffer extends Parameter {
  constructor(shape: Shape, initializer: Initializer) {
    super(shape, initializer, false);
  }
}

const owners = new WeakMap<Parameter, Tensor>();
