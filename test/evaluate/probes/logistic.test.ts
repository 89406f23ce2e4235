import { describe, expect, it } from "vitest";
import { liveTensors, scope } from "../../../src/engine/scope.js";
import { classify, fitLogistic } from "../../../src/evaluate/probes/logistic.js";
import { reference, rows } from "../reference.js";

function share(predicted: Int32Array, labels: Int32Array): number {
  return predicted.filter((label, i) => label === labels[i]).length / labels.length;
}

describe("fitLogistic", () => {
  it.each(reference.plain)(
    "ends where scikit-learn does, penalty $l2",
    ({ l2, loss, weight, bias, trainAccuracy, accuracy }) => {
      const live = liveTensors();
      scope(() => {
        const train = rows(0, 200);
        const test = rows(200, 300);
        const model = fitLogistic(train.features, train.labels, {
          classes: 3,
          l2,
          tolerance: 1e-7,
          maxIterations: 1000,
        });
        expect(model.converged).toBe(true);
        expect(Math.abs(model.loss - loss)).toBeLessThan(1e-9);
        for (const [i, value] of weight.entries()) expect(model.weight[i]).toBeCloseTo(value, 4);
        // Biases may all move by one constant.
        for (const i of [1, 2]) {
          const gap = (model.bias[i] as number) - (model.bias[0] as number);
          expect(gap).toBeCloseTo((bias[i] as number) - (bias[0] as number), 4);
        }
        expect(share(classify(model, train.features), train.labels)).toBe(trainAccuracy);
        expect(share(classify(model, test.features), test.labels)).toBe(accuracy);
      });
      expect(liveTensors()).toBe(live);
    },
  );

  it("comes within 1e-4 of the loss with float32 features and the default tolerance", () => {
    scope(() => {
      const { features, labels } = rows(0, 200);
      for (const { l2, loss } of reference.plain) {
        const model = fitLogistic(features.float(), labels, { classes: 3, l2 });
        expect(model.converged).toBe(true);
        expect(Math.abs(model.loss - loss)).toBeLessThan(1e-4);
      }
    });
  });

  it("is the same on every run and needs fewer iterations from a near start", () => {
    scope(() => {
      const { features, labels } = rows(0, 200);
      const options = { classes: 3, l2: 0.001, tolerance: 1e-6 };
      const first = fitLogistic(features, labels, options);
      expect(fitLogistic(features, labels, options)).toEqual(first);
      const again = fitLogistic(features, labels, { ...options, l2: 0.0011, start: first });
      expect(again.iterations).toBeLessThan(first.iterations);
    });
  });

  it("is uniform under a huge penalty and fits fewer rows than dimensions under a tiny one", () => {
    scope(() => {
      const { features, labels } = rows(0, 6);
      const huge = fitLogistic(features, labels, { classes: 3, l2: 1e6, tolerance: 1e-8 });
      expect(Math.max(...huge.weight.map(Math.abs))).toBeLessThan(1e-5);
      const tiny = fitLogistic(features, labels, { classes: 3, l2: 1e-6 });
      expect(share(classify(tiny, features), labels)).toBe(1);
      expect(tiny.loss).toBeLessThan(0.05);
    });
  });
});
