import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Beit, beitConfig } from "../../../src/methods/masked/beit.js";
import { BeitV2, beitV2, beitV2Config } from "../../../src/methods/masked/beit-v2.js";
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
  ["beitv2-shared", 84],
  ["beitv2-own", 55],
])("%s: both losses, gradients and parameters of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, parts: 4, gradients, "losses of three steps": 1 });
});

const official = { positions: "none", relativePositions: "shared", layerScale: 0.1, keyBias: false };
const image = { imageSize: [16, 16], channels: 3 } as const;
const encoder = (changes: object = {}): Vit =>
  new Vit(vitConfig.parse({ width: 32, depth: 4, heads: 2, patchSize: 4, ...official, ...changes }), image);
const tokenizer = { name: "kMeans", vocabulary: 32 } as const;

function build(changes: object = {}, model: object = {}): BeitV2 {
  const made = new BeitV2(beitV2Config.parse({ tokenizer, ...changes }), encoder(model));
  made.initialize(new Rng(0, "init"));
  return made;
}

const samples = Array.from({ length: 8 }, (_, i) => i);
const step = stepOf(new Rng(1, "step", 0, samples));
const batch = () => ({ image: new Rng(2, "x", 0, samples).normal([3, 16, 16]) });

test("BEiT v2-base has the official number of parameters, 106,143,056, and looks at block 9 of 12 and 21 of 24", () => {
  const make = (size: string, changes: object = {}): BeitV2 =>
    onDevice("meta", () =>
      beitV2.build(
        beitV2Config.parse(changes),
        () => new Vit(vitConfig.parse({ size, ...official, dropPath: 0.1 }), { imageSize: [224, 224], channels: 3 }),
      ),
    ) as BeitV2;
  using base = make("base");
  expect(base.parameters().reduce((sum, { tensor }) => sum + tensor.size, 0)).toBe(106_143_056);
  const rates = (base.clsPtLayers?.links ?? []).map(({ dropPath1 }) => dropPath1.rate);
  expect(rates.map((rate) => rate.toFixed(4))).toEqual(["0.0818", "0.0909"]); // of the tenth and the eleventh block
  using large = make("large", { aggregation: { depth: 1 } });
  expect(large.clsPtLayers?.links[0]?.dropPath1.rate).toBeCloseTo((0.1 * 21) / 23, 6);
});

test("blocks behind the encoder's begin as PyTorch's layers, their branches smaller by their depth; both losses near ln V", () => {
  using model = build({}, { width: 256, depth: 12, heads: 4 });
  scope(() => {
    const of = (name: string): Tensor => model.state().get(name)?.detach() as Tensor;
    const deviation = (name: string): number => of(name).flatten().std([0]).item();
    const uniform = 1 / Math.sqrt(3 * 256);
    expect(deviation("cls_pt_layers.0.attn.qkv.weight")).toBeCloseTo(uniform, 3);
    expect(deviation("cls_pt_layers.0.attn.proj.weight")).toBeCloseTo(uniform / Math.sqrt(20), 4);
    expect(deviation("cls_pt_layers.1.attn.proj.weight")).toBeCloseTo(uniform / Math.sqrt(22), 4);
    expect(of("cls_pt_layers.1.mlp.fc1.bias").abs().amax([]).item()).toBeCloseTo(1 / 16, 2);
    expect(of("cls_pt_layers.0.attn.q_bias").abs().amax([]).item()).toBe(0);
    const { parts } = noGrad(() => model.call(batch(), step));
    for (const name of ["main", "aggregated"])
      expect(Math.abs((parts?.[name]?.item() ?? 0) - Math.log(32))).toBeLessThan(0.5);
  });
});

/** Of block i of the encoder: whether any number of its gradient is not zero. */
const reached = (vit: Vit): boolean[] =>
  scope(() => vit.blocks.links.map((block) => (block.mlp.fc1.weight.grad?.abs().amax([]).item() ?? 0) > 0));

test("the second loss reaches late blocks through the class token alone, and the early ones directly", () => {
  using model = build({ aggregation: { early: 2, depth: 1 } }, { depth: 4 });
  const vit = model.encoder as Vit;
  const { layerTokens } = vit;
  const optimizer = new AdamW(weightDecayGroups(model.parameters(), 0), { betas: [0.9, 0.98], epsilon: 1e-8 });
  const descend = (): boolean[] => {
    optimizer.zeroGrad();
    scope(() => backward(model.call(batch(), step).parts?.["aggregated"] as Tensor));
    return reached(vit);
  };
  expect(descend()).toEqual([true, true, true, true]);
  Object.assign(vit, {
    layerTokens: (tokens: Tensor) => {
      const layers = layerTokens.call(vit, tokens);
      return [...layers.slice(0, -1), (layers.at(-1) as Tensor).detach()];
    },
  });
  expect(descend()).toEqual([true, true, false, false]);
  optimizer.zeroGrad();
  optimizer.close();
});

test("without blocks behind the encoder's it is BEiT", () => {
  using plain = new Beit(beitConfig.parse({ tokenizer }), encoder());
  using model = build({ aggregation: { depth: 0 } });
  scope(() =>
    noGrad(() => {
      for (const [name, value] of plain.state()) value.copy_(model.state().get(name) as Tensor);
      expect([...model.state().keys()]).toEqual([...plain.state().keys()]);
      expect(model.call(batch(), step).total.item()).toBe(plain.call(batch(), step).total.item());
      expect(model.health().trivial).toBe(plain.health().trivial);
    }),
  );
});

test("a block that the encoder does not have, and class attention, are refused", () => {
  const make = (method: object, model: object = {}): void =>
    beitV2.build(beitV2Config.parse({ tokenizer, ...method }), () => encoder(model)).close();
  expect(() => make({ aggregation: { early: 5 } })).toThrow(
    "the encoder has 4 blocks, and patches are asked for behind block 5",
  );
  expect(() => make({}, { relativePositions: "none", classAttention: 1 })).toThrow(
    "beitv2 trains an encoder of patches whose class token goes through its blocks (vit), and Vit is none",
  );
});
