import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { type Flip, flip, flipConfig } from "../../../src/methods/mixed/flip.js";
import { pairNce } from "../../../src/methods/parts/losses/info-nce.js";
import { alone } from "../../../src/methods/world.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { onDevice } from "../../../src/nn/parameter.js";
import { AdamW } from "../../../src/optim/adamw.js";
import { weightDecayGroups } from "../../../src/optim/groups.js";
import { full } from "../../../src/tensor/creation.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";

leavesNoTensors();

test.each([
  ["flip-masked", 61],
  ["flip-whole", 49],
])("%s: losses, gradients and parameters of an independent implementation's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients, "losses of three steps": 1 });
});

const samples = [0, 1, 2, 3];
const small = {
  output: 8,
  text: { width: 16, depth: 1, heads: 2, length: 4, vocabulary: ["[PAD]", "[UNK]", "a", "b", "c", "d"] },
};

function build(changes: object = {}): Flip {
  const vit = (): Vit =>
    new Vit(vitConfig.parse({ width: 16, depth: 2, heads: 2, patchSize: 4 }), { imageSize: [16, 16], channels: 3 });
  const method = flip.build(flipConfig.parse({ ...small, ...changes }), vit) as Flip;
  method.initialize(new Rng(0, "init"));
  method.setTraining(true);
  return method;
}

const pictures = (): Tensor => new Rng(2, "x", 0, samples).normal([3, 16, 16]);
const ids = (...rows: number[][]): Tensor => tensor(BigInt64Array.from(rows.flat(), BigInt), [rows.length, 4]);
const texts = (): Tensor => ids([2, 3, 0, 0], [3, 4, 0, 0], [4, 5, 2, 0], [5, 0, 0, 0]);
const step = stepOf(new Rng(1, "step", 0, samples));

// Paper, table 10 and section 4; the tower of texts has BERT's 30,522 pieces, the official one an entry more for what is unknown.
test.each([
  ["base", 16, 512, { width: 512, depth: 12, heads: 8 }, 85_798_656, 53_473_280],
  ["large", 16, 768, { width: 768, depth: 12, heads: 12 }, 303_301_632, 108_521_472],
] as const)(
  "ViT-%s/%i has the parameters that follow from the paper's sizes",
  (size, patchSize, output, text, image, words) => {
    using method = onDevice("meta", () =>
      flip.build(
        flipConfig.parse({ output, text }),
        () => new Vit(vitConfig.parse({ size, patchSize }), { imageSize: [224, 224], channels: 3 }),
      ),
    ) as Flip;
    const count = (of: { state(): ReadonlyMap<string, Tensor> }): number =>
      [...of.state().values()].reduce((sum, { size: numbers }) => sum + numbers, 0);
    expect(count(method.encoder)).toBe(image);
    expect(count(method.text)).toBe(words);
  },
);

test("the symmetric loss: orthonormal pairs, equal vectors, modalities exchanged, and how steep it is at first", () => {
  using method = build();
  scope(() => {
    const one = full([], 1);
    const eye = tensor(
      Float32Array.from({ length: 16 }, (_, i) => Number(i % 5 === 0)),
      [4, 4],
    );
    expect(pairNce(eye, eye, one, alone).loss.item()).toBeCloseTo(Math.log(1 + 3 / Math.E), 6); // 0.743668
    const same = full([4, 4], 0.5);
    expect(pairNce(same, same, one, alone).loss.item()).toBeCloseTo(Math.log(4), 6);
    const other = new Rng(3, "o", 0, samples).normal([4]);
    expect(pairNce(eye, other, one, alone).loss.item()).toBeCloseTo(pairNce(other, eye, one, alone).loss.item(), 6);
    const scale = () => method.call({ image: pictures(), text: texts() }, step).parts?.["scale"]?.item();
    expect(scale()).toBeCloseTo(14.285714, 4);
    noGrad(() => method.logitScale.add_(10));
    expect(scale()).toBeCloseTo(100, 3);
  });
});

test("patches that are left out cannot change a picture's vector, and nothing is left out where it is judged", () => {
  using method = build();
  noGrad(() =>
    scope(() => {
      const visible = tensor(BigInt64Array.from([0n, 5n, 10n, 15n]), [1, 4]).expand([4, 4]); // of 4 × 4 patches, the diagonal
      const mask = tensor(
        Float32Array.from({ length: 16 }, (_, i) => Number(i % 5 !== 0)),
        [1, 1, 4, 1, 4, 1],
      );
      const noise = new Rng(9, "noise", 0, samples).normal([3, 4, 4, 4, 4]).mul(mask).reshape([4, 3, 16, 16]);
      const of = (image: Tensor): unknown => method.encodeImage(image, visible).toArray();
      expect(of(pictures().add(noise))).toEqual(of(pictures()));
      method.setTraining(false);
      using whole = build({ maskRatio: 0 });
      const batch = { image: pictures(), text: texts() };
      expect(method.call(batch, step).total.item()).toBe(whole.call(batch, step).total.item());
    }),
  );
});

test("all tokens of a text see all others: the last one changes the first one's answer", () => {
  using method = build();
  noGrad(() =>
    scope(() => {
      const of = (last: number): unknown => method.embedText(ids([2, 3, 4, last])).toArray();
      expect(of(5)).not.toEqual(of(0));
    }),
  );
});

test.each([0, 0.5])("four pairs find each other, with %d of the patches left out", (maskRatio) => {
  using method = build({ maskRatio });
  using optimizer = new AdamW(weightDecayGroups(method.parameters(), 0.05), { betas: [0.9, 0.95], epsilon: 1e-8 });
  const accuracies = Array.from({ length: 60 }, () =>
    scope(() => {
      optimizer.zeroGrad();
      const { total, parts } = method.call({ image: pictures(), text: texts() }, step);
      backward(total);
      optimizer.step(3e-3);
      return parts?.["accuracy"]?.item();
    }),
  );
  expect(accuracies.at(-1)).toBe(1);
});

test("positions, biases and norms are not decayed; weights, tokens, the class token and the temperature are", () => {
  using method = build();
  const decayed = method.parameters().flatMap((part) => (method.ruleFor(part).decays === true ? [part.name] : []));
  expect(decayed).toEqual(expect.arrayContaining(["logit_scale", "encoder.cls_token", "text.token_embed"]));
  expect(decayed.filter((name) => /pos_embed|bias|norm/.test(name))).toEqual([]);
});

test("captions make the vocabulary, once; one that was given stays", () => {
  const settled = flip.settle(flipConfig.parse({}), { captions: ["a cat"] });
  expect(settled.text.vocabulary).toEqual(expect.arrayContaining(["[PAD]", "[UNK]", "cat"]));
  expect(flip.settle(settled, { captions: ["two dogs"] })).toEqual(settled);
  expect(Array.from(flip.readText(settled)?.("cat cat") ?? [])).toHaveLength(32);
});
