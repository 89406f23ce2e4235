// What a step computes, and how fast this machine multiplies: a step that did nothing but products would take the one divided by the other.

import { noGrad } from "../../dist/engine/modes.js";
import { scope } from "../../dist/engine/scope.js";
import { cost } from "../../dist/graph/cost.js";
import { empty } from "../../dist/tensor/creation.js";
import { Rng } from "../../dist/tensor/random.js";
import { median } from "../statistics.mjs";
import { buildModel } from "./models.mjs";

/** Rows and columns of the product: large enough that what surrounds it is nothing. */
const productSide = 2048;
const productRepeats = 9;

/**
 * Operations a second, two a multiply-add, of libtorch's product of square matrices: the median of some, after one untimed.
 * @param {"bfloat16" | "float32"} precision
 */
export function matrixRate(precision, { side = productSide, repeats = productRepeats } = {}) {
  return noGrad(() =>
    scope(() => {
      const rng = new Rng(
        0,
        "matrix",
        0,
        Array.from({ length: side }, (_, row) => row),
      );
      const a = rng.normal([side]).to(precision); // [side side]
      const seconds = Array.from({ length: repeats + 1 }, () => {
        const began = performance.now();
        scope(() => void a.matmul(a));
        return (performance.now() - began) / 1000;
      });
      return (2 * side ** 3) / median(seconds.slice(1));
    }),
  );
}

/**
 * Operations of a step, two a multiply-add: forward of everything, and twice that backward of what gradients go through. Counted
 * on the `meta` device (src/graph/cost.ts).
 * @param {import("../cases/index.mjs").Case} settings
 * @param {Readonly<Record<string, import("../../dist/tensor/tensor.js").Tensor>>} tensors what the model is given
 * @param {(model: object, tensors: object) => unknown} run
 */
export function stepOperations(settings, tensors, run, { backward }) {
  const build = () => {
    const model = buildModel(settings);
    model.setTraining(false); // a teacher that stands still: nothing in it comes from the student
    return model;
  };
  return scope(() => {
    const onMeta = ([name, { shape, dtype }]) => [name, empty(shape, { dtype, device: "meta" })];
    const given = Object.fromEntries(Object.entries(tensors).map(onMeta));
    const { multiplyAdds, differentiable } = cost(build, (model) => run(model, given));
    return 2 * (multiplyAdds + (backward ? 2 * differentiable : 0));
  });
}
