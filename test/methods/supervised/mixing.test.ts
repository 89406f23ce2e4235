import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { KeyedRandom } from "../../../src/data/random.js";
import { scope } from "../../../src/engine/scope.js";
import {
  checkMixing,
  cutMix,
  drawMix,
  type Mix,
  mixImages,
  mixingConfig,
  mixTargets,
  partnerRows,
} from "../../../src/methods/supervised/mixing.js";
import { cat } from "../../../src/tensor/creation.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { relativeDifference } from "../../numbers.js";

interface Case {
  readonly kind: "mixup" | "cutmix";
  readonly drawn: number;
  readonly box: readonly [[number, number], [number, number]] | null;
  readonly images: number[];
  readonly targets: number[];
}
const reference = JSON.parse(readFileSync(new URL("../../reference/mixing.json", import.meta.url), "utf8")) as {
  readonly shape: [number, number, number, number];
  readonly labels: number[];
  readonly mixes: Case[];
  readonly boxes: {
    size: [number, number];
    lambda: number;
    centre: [number, number];
    box: unknown;
    corrected: number;
  }[];
};
const { shape, labels } = reference;
const [B, , H, W] = shape;

function images(): Tensor {
  const count = shape.reduce((a, b) => a * b);
  return tensor(
    Float32Array.from({ length: count }, (_, i) => ((7 * i) % 23) - 11),
    shape,
  );
}

const keyed = (sample: number): KeyedRandom => new KeyedRandom({ seed: 5, purpose: "mix", epoch: 0, sample });

function mixOf({ kind, drawn, box }: Case): Mix {
  if (box === null) return { kind, lambda: drawn };
  const [rows, columns] = box;
  const lambda = 1 - ((rows[1] - rows[0]) * (columns[1] - columns[0])) / (H * W);
  return { kind, lambda, box: { rows, columns } };
}

describe("timm's Mixup for the same draws", () => {
  test.each(reference.mixes)("$kind, λ $drawn: images and targets, whole and in micro-batches", (found) => {
    const mix = mixOf(found);
    scope(() => {
      const whole = images();
      const expected = tensor(Float32Array.from(found.images), shape);
      expect(relativeDifference(mixImages(whole, whole, mix), expected)).toBeLessThan(1e-6);
      const targets = (start: number, end: number): Tensor => {
        const partners = partnerRows(start, end, B);
        const of = labels.slice(partners.start, partners.end);
        return mixTargets(labels.slice(start, end), of, mix, { classes: 3, smoothing: 0.1 });
      };
      const soft = tensor(Float32Array.from(found.targets), [B, 3]);
      expect(relativeDifference(targets(0, B), soft)).toBeLessThan(1e-6);
      const parts = [0, 1, 2, 3].map((row) => {
        const { start, end } = partnerRows(row, row + 1, B);
        return mixImages(whole.slice(0, row, row + 1), whole.slice(0, start, end), mix);
      });
      expect(relativeDifference(cat(parts), expected)).toBeLessThan(1e-6);
      expect(relativeDifference(cat([targets(0, 2), targets(2, 4)]), soft)).toBeLessThan(1e-6);
      expect(whole.toArray()).toEqual(images().toArray()); // the loader's images are as they were
    });
  });

  test("CutMix's boxes and corrected λ", () => {
    for (const { size, lambda, centre, box, corrected } of reference.boxes) {
      const mix = cutMix(lambda, size, centre);
      expect([mix.box?.rows, mix.box?.columns]).toEqual(box);
      expect(mix.lambda).toBeCloseTo(corrected, 12);
    }
  });
});

test("the goldens of the evaluation card", () => {
  const mix = cutMix(0.5, [224, 224], [10, 200]);
  expect(mix.box).toEqual({ rows: [0, 89], columns: [121, 224] });
  expect(mix.lambda).toBeCloseTo(0.817303, 6);
  scope(() => {
    const [a, b, c] = mixTargets([0], [2], { lambda: 0.7 }, { classes: 3, smoothing: 0.1 }).toNumbers();
    expect(a).toBeCloseTo(0.663333, 6);
    expect(b).toBeCloseTo(0.033333, 6);
    expect(c).toBeCloseTo(0.303333, 6);
    const alone = mixTargets([3], [7], { lambda: 1 }, { classes: 1000, smoothing: 0.1 }).toNumbers();
    expect(alone[3]).toBeCloseTo(0.9001, 6);
    expect(alone[7]).toBeCloseTo(0.0001, 6);
    expect(alone.reduce((x, y) => x + y)).toBeCloseTo(1, 5);
  });
});

test("λ is Beta(α, α): mean and variance of 4,000 batches, half of them CutMix; the same batch, the same decision", () => {
  for (const alpha of [0.2, 0.8, 1, 3]) {
    const config = mixingConfig.parse({ mixup: alpha, cutmix: 0 });
    const lambdas = Array.from({ length: 4000 }, (_, i) => drawMix(config, [8, 8], keyed(i)).lambda);
    const mean = lambdas.reduce((a, b) => a + b) / lambdas.length;
    const variance = lambdas.reduce((a, b) => a + (b - mean) ** 2, 0) / lambdas.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.03); // the deviation of a mean is at most 0.0068
    expect(Math.abs(variance * 4 * (2 * alpha + 1) - 1)).toBeLessThan(0.12); // Beta's variance: 1 / (4 (2α + 1))
  }
  const both = mixingConfig.parse({});
  const cut = Array.from({ length: 1000 }, (_, i) => drawMix(both, [8, 8], keyed(i))).filter(
    (m) => m.kind === "cutmix",
  );
  expect(Math.abs(cut.length - 500)).toBeLessThan(80);
  expect(drawMix(both, [8, 8], keyed(3))).toEqual(drawMix(both, [8, 8], keyed(3)));
});

test("switched off, or not this time, nothing is mixed; odd batches are refused", () => {
  const off = mixingConfig.parse({ mixup: 0, cutmix: 0 });
  expect(drawMix(off, [8, 8], keyed(0))).toEqual({ kind: "none", lambda: 1 });
  expect(drawMix(mixingConfig.parse({ probability: 0 }), [8, 8], keyed(0)).kind).toBe("none");
  scope(() => {
    const whole = images();
    expect(mixImages(whole, whole, { kind: "none", lambda: 1 })).toBe(whole);
  });
  checkMixing(off, 7);
  checkMixing(mixingConfig.parse({}), 8);
  expect(() => checkMixing(mixingConfig.parse({}), 7)).toThrow(
    "mixup and CutMix pair the pictures of a batch, and 7 is odd. Use 8, or switch both off.",
  );
});
