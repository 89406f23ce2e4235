import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Mae, maeConfig } from "../../../src/methods/masked/mae.js";
import type { Step } from "../../../src/methods/method.js";
import { SupMae, supmae, supmaeConfig } from "../../../src/methods/mixed/supmae.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { stepOf } from "../../train/example.js";

const decoder = { width: 8, depth: 1, heads: 2 };
const encoder = (): Vit =>
  new Vit(vitConfig.parse({ width: 16, depth: 2, heads: 2, patchSize: 4 }), { imageSize: [16, 16], channels: 3 });

function build(changes: object = {}): SupMae {
  const model = new SupMae(supmaeConfig.parse({ classes: 10, hidden: 24, decoder, ...changes }), encoder());
  model.initialize(new Rng(0, "init"));
  model.setTraining(true);
  return model;
}

const step: Step = stepOf(new Rng(1, "step", 0, [0, 1, 2, 3]));
const pictures = (): Tensor => new Rng(2, "x", 0, [0, 1, 2, 3]).normal([3, 16, 16]);
const labels = (...values: number[]): Tensor => tensor(BigInt64Array.from(values, BigInt), [values.length]);
const batch = (...values: number[]) => ({ image: pictures(), label: labels(...values) });
const partOf = (model: SupMae, name: string, ...values: number[]): number =>
  scope(() => model.call(batch(...values), step).parts?.[name]?.item() ?? Number.NaN);

test("a classifier that says nothing costs λ ln C, whatever T", () => {
  for (const classes of [10, 1000])
    for (const temperature of [1, 10]) {
      using model = build({ classes, temperature });
      const last = [...model.state()].filter(([name]) => name.startsWith("cls_head.3."));
      for (const [, value] of last) noGrad(() => value.mul_(0));
      expect(partOf(model, "classification", 0, 1, 2, 3)).toBeCloseTo(0.01 * Math.log(classes), 6);
    }
});

test("agreement is Cohen's kappa of answers and labels, whatever is not labelled", () => {
  using model = build({ classes: 3, hidden: 0 });
  const of = (...values: number[]): number => partOf(model, "agreement", ...values);
  // A picture's answer is the label with which, alone of all, it is right.
  const answerOf = (picture: number): number =>
    [0, 1, 2].find((label) => {
      const only = [-1, -1, -1, -1].with(picture, label) as [number, number, number, number];
      return partOf(model, "accuracy", ...only) === 1;
    }) ?? Number.NaN;
  const answers = [0, 1, 2, 3].map(answerOf);
  const share = (values: readonly number[], c: number): number => values.filter((value) => value === c).length / 4;
  for (const given of [[0, 1, 2, 0], [2, 1, 1, 0], [1, 1, 0, 2], answers]) {
    const right = given.filter((label, i) => label === answers[i]).length / 4;
    const chance = [0, 1, 2].reduce((sum, c) => sum + share(answers, c) * share(given, c), 0);
    expect(of(...given)).toBeCloseTo(chance === 1 ? 0 : (right - chance) / (1 - chance), 5);
  }
});

test("λ = 0 is MAE to the bit", () => {
  using model = build({ classWeight: 0 });
  using plain = new Mae(maeConfig.parse({ decoder }), encoder());
  plain.initialize(new Rng(0, "init"));
  plain.setTraining(true);
  const expected = scope(() => plain.call({ image: pictures() }, step).total.item());
  expect(scope(() => model.call(batch(0, 1, 2, 3), step).total.item())).toBe(expected);
});

test("each loss reaches its own head and the encoder, and no other head", () => {
  using model = build();
  const reached = (part: string): Set<string> =>
    scope(() => {
      const { parts } = model.call(batch(0, 1, 2, 3), step);
      backward(parts?.[part] as Tensor);
      const names = model.parameters().flatMap(({ name, tensor: value }) => {
        const isReached = value.grad !== undefined && value.grad.abs().amax([]).item() > 0;
        value.grad = undefined;
        return isReached ? [/^(decoder|cls_head|mask_token)/.exec(name)?.[0] ?? "encoder"] : [];
      });
      return new Set(names);
    });
  expect([...reached("classification")].sort()).toEqual(["cls_head", "encoder"]);
  expect([...reached("reconstruction")].sort()).toEqual(["decoder", "encoder", "mask_token"]);
});

test("pictures without a label are reconstructed and not classified; a batch without any has a loss", () => {
  using model = build({ hidden: 0 });
  const [all, none] = [partOf(model, "classification", 3, 4, 5, 6), partOf(model, "classification", -1, -1, -1, -1)];
  expect(none).toBe(0);
  const some = [0, 1].map((row) => {
    const values = [-1, -1, -1, -1];
    values[row] = 3 + row;
    return partOf(model, "classification", ...values);
  }) as [number, number];
  expect(partOf(model, "classification", 3, 4, -1, -1)).toBeCloseTo((some[0] + some[1]) / 2, 6);
  expect(all).toBeGreaterThan(0);
});

test("what is hidden does not reach the classifier", () => {
  using model = build();
  model.setTraining(false);
  noGrad(() =>
    scope(() => {
      const mask = model.draw(step.rng, "cpu");
      const hidden = mask.restore.ge(mask.kept).float().reshape([4, 1, 4, 1, 4, 1]); // [B 1 h 1 w 1]
      const noise = new Rng(9, "noise", 0, [0, 1, 2, 3]).normal([3, 4, 4, 4, 4]).mul(hidden).reshape([4, 3, 16, 16]);
      const lossOf = (image: Tensor) => {
        const { parts } = model.call({ ...batch(0, 1, 2, 3), image }, step);
        return [parts?.["classification"]?.item(), parts?.["reconstruction"]?.item()];
      };
      const [before, after] = [lossOf(pictures()), lossOf(pictures().add(noise))];
      expect(after[0]).toBe(before[0]);
      expect(after[1]).not.toBe(before[1]);
    }),
  );
});

test("as many logits as the pictures have classes, unless somebody says; batch norm couples the batch", () => {
  const config = supmaeConfig.parse({});
  expect(supmae.settle(config, { classes: ["a", "b", "c"] })).toMatchObject({ classes: 3 });
  expect(supmae.settle(supmaeConfig.parse({ classes: 5 }), { classes: ["a"] })).toMatchObject({ classes: 5 });
  expect(supmae.couplesBatch(config)).toContain("normalises over the batch");
  expect(supmae.couplesBatch(supmaeConfig.parse({ hidden: 0 }))).toBeUndefined();
  expect(supmae.columns).toEqual(["label"]);
});
