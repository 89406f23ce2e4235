import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Dvae, dvae, dvaeConfig } from "../../../src/methods/masked/dvae.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { AdamW } from "../../../src/optim/adamw.js";
import { weightDecayGroups } from "../../../src/optim/groups.js";
import { rampAt } from "../../../src/optim/schedule.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";

leavesNoTensors();

test.each([
  ["dvae-plain", 39],
  ["dvae-divergence", 47],
])("%s: losses, gradients and parameters of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
});

test("DALL-E's temperature and weight of the divergence, where 150,000 and 5,000 steps are the whole run", () => {
  const temperature = { from: 1, to: 1 / 16, shape: "cosine", over: 1 } as const;
  const at = (step: number): number => rampAt(temperature, step / 150_000);
  for (const [step, value] of [
    [0, 1],
    [37_500, 0.862706],
    [75_000, 0.53125],
    [112_500, 0.199794],
    [150_000, 0.0625],
  ] as const)
    expect(at(step)).toBeCloseTo(value, 6);
  const weight = { ...temperature, from: 0, to: 6.6 };
  expect(rampAt(weight, 0.25)).toBeCloseTo(0.966548, 6);
  expect(rampAt(weight, 0.5)).toBeCloseTo(3.3, 6);
});

const image = { imageSize: [16, 16], channels: 3 } as const;
const encoder = (patchSize = 4): Vit => new Vit(vitConfig.parse({ width: 32, depth: 1, heads: 2, patchSize }), image);
const samples = Array.from({ length: 8 }, (_, i) => i);
const flat = (): Tensor =>
  new Rng(2, "x", 0, samples).normal([3, 4, 1, 4, 1]).expand([-1, -1, -1, 4, -1, 4]).reshape([8, 3, 16, 16]);

test("patches of one colour are learned, with several tokens; a picture of tokens has its size, and the same tokens again", () => {
  const config = dvaeConfig.parse({ vocabulary: 16, codeWidth: 8, hidden: 16, temperature: 0.5 });
  using model = new Dvae(config, encoder());
  model.initialize(new Rng(0, "init"));
  model.setTraining(true);
  const optimizer = new AdamW(weightDecayGroups(model.parameters(), 0), { betas: [0.9, 0.999], epsilon: 1e-8 });
  const losses = Array.from({ length: 60 }, (_, i) =>
    scope(() => {
      optimizer.zeroGrad();
      const { total, parts } = model.call({ image: flat() }, stepOf(new Rng(1, `step/${i}`, 0, samples)));
      backward(total);
      optimizer.step({ learningRate: 3e-3 });
      return [total.item(), parts?.["codes"]?.item() ?? 0] as const;
    }),
  );
  optimizer.zeroGrad();
  optimizer.close();
  const [loss, codes] = losses.at(-1) as readonly [number, number];
  expect(loss).toBeLessThan(0.8 * (losses[0]?.[0] as number));
  expect(codes).toBeGreaterThan(2);
  noGrad(() =>
    scope(() => {
      const tokens = model.tokens(flat());
      expect([tokens.shape, tokens.dtype]).toEqual([[8, 16], "int64"]);
      const made = model.reconstruct(flat());
      expect(made.predicted.shape).toEqual([8, 3, 16, 16]);
      expect(made.predicted.toArray()).toEqual(model.pictures(tokens).toArray());
      expect(made.mask.sum().item()).toBe(0);
    }),
  );
});

test("a stride that doubling cannot undo is refused", () => {
  const config = dvaeConfig.parse({ vocabulary: 4, codeWidth: 4, hidden: 4 });
  const wide = (): Vit => new Vit(vitConfig.parse({ width: 32, depth: 1, heads: 2, patchSize: [4, 8] }), image);
  expect(() => dvae.build(config, wide)).toThrow("cannot undo a stride of 4 × 8 on 16 × 16 pixels");
});
