import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Beit, beit, beitConfig } from "../../../src/methods/masked/beit.js";
import { maskFromNoise } from "../../../src/methods/parts/masks.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { onDevice } from "../../../src/nn/parameter.js";
import { AdamW } from "../../../src/optim/adamw.js";
import { weightDecayGroups } from "../../../src/optim/groups.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";

leavesNoTensors();

test.each([
  ["beit-relative", 39],
  ["beit-absolute", 35],
])("%s: losses, gradients and parameters of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
});

const official = { positions: "none", relativePositions: "shared", layerScale: 0.1, keyBias: false };
const image = { imageSize: [16, 16], channels: 3 } as const;
const encoder = (changes: object = official): Vit =>
  new Vit(vitConfig.parse({ width: 32, depth: 2, heads: 2, patchSize: 4, ...changes }), image);

function build(changes: object = {}): Beit {
  const config = beitConfig.parse({ tokenizer: { name: "kMeans", vocabulary: 32 }, ...changes });
  const model = new Beit(config, encoder());
  model.initialize(new Rng(0, "init"));
  return model;
}

const samples = Array.from({ length: 16 }, (_, i) => i);
const step = stepOf(new Rng(1, "step", 0, samples));
const pictures = (): Tensor => new Rng(2, "x", 0, samples).normal([3, 16, 16]); // [16 3 16 16]

/** The official counts, of pre-training with the head of 8192 (the codebook is ours alone). */
test.each([
  ["base", { ...official, layerScale: 0.1 }, 91_965_776],
  ["large", { ...official, layerScale: 1e-5 }, 311_534_016],
  ["base", { positions: "learned", keyBias: false }, 92_089_856],
] as const)("BEiT-%s has the official number of parameters with %j", (size, options, parameters) => {
  using model = onDevice("meta", () =>
    beit.build(
      beitConfig.parse({}),
      () => new Vit(vitConfig.parse({ size, ...options }), { imageSize: [224, 224], channels: 3 }),
    ),
  );
  expect(model.parameters().reduce((sum, { tensor }) => sum + tensor.size, 0)).toBe(parameters);
});

test("first values are the official ones: cut at one deviation, less in deeper blocks; the loss begins near ln V", () => {
  const config = beitConfig.parse({ tokenizer: { name: "kMeans", vocabulary: 64 } });
  using model = new Beit(config, encoder({ ...official, width: 256, depth: 12, heads: 4 }));
  model.initialize(new Rng(0, "init"));
  scope(() => {
    const of = (name: string): Tensor => model.state().get(name)?.detach() as Tensor;
    const qkv = of("encoder.blocks.3.attn.qkv.weight");
    expect(qkv.std([0, 1]).item()).toBeCloseTo(0.0108, 4);
    expect(qkv.abs().amax([]).item()).toBeLessThanOrEqual(0.02);
    for (const [block, deviation] of [
      [0, 0.00763],
      [5, 0.00311],
      [11, 0.0022],
    ])
      for (const part of ["attn.proj", "mlp.fc2"])
        expect(of(`encoder.blocks.${block}.${part}.weight`).std([0, 1]).item()).toBeCloseTo(deviation as number, 4);
    expect(of("encoder.rel_pos_bias.relative_position_bias_table").abs().amax([]).item()).toBe(0);
    expect(
      of("encoder.blocks.0.gamma_1")
        .toNumbers()
        .every((one) => Math.abs(one - 0.1) < 1e-7),
    ).toBe(true);
    expect(of("encoder.patch_embed.proj.bias").abs().amax([]).item()).toBe(0);
    const loss = noGrad(() => model.call({ image: pictures() }, step).total.item());
    expect(Math.abs(loss - Math.log(64))).toBeLessThan(0.5);
  });
});

test("without absolute positions and with tables of zeros all hidden patches of a picture look the same, and in no other way do they", () => {
  using model = build();
  noGrad(() =>
    scope(() => {
      const mask = maskFromNoise(new Rng(3, "mask", 0, samples).uniform([16]), 10);
      const spread = (): number => {
        const { predicted } = model.predict(pictures(), mask); // [16 6 32]
        return predicted
          .sub(predicted.slice(1, 0, 1))
          .abs()
          .amax([])
          .item();
      };
      expect(spread()).toBeLessThan(1e-6);
      const table = model.state().get("encoder.rel_pos_bias.relative_position_bias_table") as Tensor;
      table.copy_(new Rng(4, "table").normal([...table.shape]).reshape(table.shape));
      expect(spread()).toBeGreaterThan(1e-4);
    }),
  );
});

test("sixteen pictures with their masks are learned by heart", () => {
  using model = build();
  scope(() => noGrad(() => model.fit()?.run(pictures(), new Rng(0, "fit"))));
  const optimizer = new AdamW(weightDecayGroups(model.parameters(), 0), { betas: [0.9, 0.999], epsilon: 1e-8 });
  let last = { loss: 0, accuracy: 0 };
  for (let i = 0; i < 150; i++)
    scope(() => {
      optimizer.zeroGrad();
      const { total, parts } = model.call({ image: pictures() }, step);
      backward(total);
      optimizer.step({ learningRate: 3e-3 });
      last = { loss: total.item(), accuracy: parts?.["accuracy"]?.item() ?? 0 };
    });
  optimizer.zeroGrad();
  optimizer.close();
  expect(last.loss).toBeLessThan(0.1);
  expect(last.accuracy).toBeGreaterThan(0.95);
});

test("decay spares class token and positions, not mask token and tables, as the official groups do", () => {
  using learned = new Beit(
    beitConfig.parse({ tokenizer: { name: "kMeans", vocabulary: 8 } }),
    encoder({ positions: "learned" }),
  );
  const spared = learned.parameters().filter((one) => learned.ruleFor(one)?.decays === false);
  expect(spared.map(({ name }) => name)).toEqual(["encoder.cls_token", "encoder.pos_embed"]);
});
