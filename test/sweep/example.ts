/** A sweep without a run behind it: what table and plots are made of. */
import { type Sweep, sweepSchema } from "../../src/sweep/define.js";
import { expand } from "../../src/sweep/points.js";
import type { PointResult } from "../../src/sweep/summary.js";

export function exampleSweep(changes: object = {}): Sweep {
  return sweepSchema.parse({
    title: "Mask ratio",
    base: { epochs: 1 },
    axes: { "method.maskRatio": [0.1, 0.5, 0.9] },
    evaluate: { train: { kind: "cifar10", split: "train" }, test: { kind: "cifar10", split: "test" } },
    reference: {
      source: "a paper, figure 5",
      setting: "ViT-L",
      measures: {
        linear: {
          label: "linear probe, top-1",
          values: [
            [0.1, 54.6],
            [0.5, 69.9],
            [0.75, 73.5],
            [0.9, 66.1],
          ],
        },
      },
    },
    ...changes,
  });
}

/** Every point of it finished: `accuracy(index)` is its linear probe's, 0 … 1. */
export function exampleResults(sweep: Sweep, accuracy: (index: number) => number): PointResult[] {
  return expand(sweep).map((point, index) => ({
    point,
    status: "done",
    cost: 1e12,
    seconds: 60 * (index + 1),
    loss: 0.7,
    heldOutLoss: undefined,
    accuracies: { linear: accuracy(index), knn: 0.3 },
    failure: undefined,
  }));
}
