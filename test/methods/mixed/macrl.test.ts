import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { autocast } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Macrl, macrl, macrlConfig } from "../../../src/methods/mixed/macrl.js";
import { queueNce } from "../../../src/methods/parts/losses/info-nce.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { eye } from "../../../src/tensor/creation.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { stepOf } from "../../train/example.js";
import { smallMethod } from "../small.js";

test.each([
  ["macrl-small", 52],
  ["macrl-weights", 52],
])(
  "%s: losses, gradients, bank and batch statistics of an independent implementation's three steps",
  (name, gradients) => {
    const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
    expect(parts.filter(({ passed }) => !passed)).toEqual([]);
    const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
    expect(tensors).toMatchObject({ loss: 1, parts: 3, gradients, "losses of three steps": 1 });
  },
);

const samples = Array.from({ length: 8 }, (_, i) => i);
const step = stepOf(new Rng(1, "step", 0, samples));
const pictures = (name: string): Tensor => new Rng(2, name, 0, samples).normal([3, 16, 16]);
const batch = () => ({ clean: pictures("clean"), image: pictures("image"), weak: pictures("weak") });

function build(changes: object = {}): Macrl {
  const vit = new Vit(vitConfig.parse({ width: 32, depth: 2, heads: 2, patchSize: 4 }), {
    imageSize: [16, 16],
    channels: 3,
  });
  const model = new Macrl(macrlConfig.parse({ ...smallMethod("macrl"), ...changes }), vit);
  model.initialize(new Rng(0, "init"));
  model.setTraining(true);
  return model;
}

/** Which parts get a gradient that is not zero. */
function reached(model: Macrl, part: string): string[] {
  return scope(() => {
    backward(model.call(batch(), step).parts?.[part] as Tensor);
    const names = [...model.state()].flatMap(([name, value]) => {
      const isReached = value.grad !== undefined && value.grad.abs().amax([]).item() > 0;
      value.grad = undefined;
      return isReached ? [/^(projector|bank|decoder|mask_token)/.exec(name)?.[0] ?? "encoder"] : [];
    });
    return [...new Set(names)].sort();
  });
}

test("each loss reaches its own head and the encoder; errors of both branches reach the decoder; nothing flows into the bank", () => {
  using model = build();
  expect(reached(model, "contrast")).toEqual(["encoder", "projector"]);
  expect(reached(model, "strong")).toEqual(["decoder", "encoder", "mask_token"]);
  expect(reached(model, "weak")).toEqual(["decoder", "encoder", "mask_token"]);
});

test("the error is L1 over hidden patches alone: predictions that are off by two cost two", () => {
  using model = build({ normalizeTargets: false, reconstructionWeight: 1 });
  model.setTraining(false);
  scope(() => {
    model.decoder.decoderPred.weight.setBytes(new Float32Array(48 * 32));
    model.decoder.decoderPred.bias?.setBytes(new Float32Array(48).fill(2));
    const nothing = { clean: pictures("clean").mul(0), image: pictures("image"), weak: pictures("weak").mul(0) };
    const { parts } = model.call(nothing, step);
    expect([parts?.["strong"]?.item(), parts?.["weak"]?.item()]).toEqual([2, 2]);
    // Visible patches do not count: what is there may be anything.
    const visible = model.draw(step.rng, "cpu").restore.lt(4).float().reshape([8, 1, 4, 1, 4, 1]); // [B 1 h 1 w 1]
    const noise = pictures("noise").reshape([8, 3, 4, 4, 4, 4]).mul(visible).reshape([8, 3, 16, 16]);
    const other = { ...nothing, clean: noise };
    expect(model.call(other, step).parts?.["strong"]?.item()).toBe(2);
  });
});

test("the card's numbers of the contrast: a key that is the query's, four that are orthogonal", () => {
  scope(() => {
    const rows = eye(5);
    const loss = (temperature: number): number =>
      queueNce(rows.slice(0, 0, 1), rows.slice(0, 0, 1), rows.slice(0, 1), temperature).loss.item();
    expect(loss(1)).toBeCloseTo(0.904832, 5);
    expect(loss(0.2)).toBeCloseTo(0.026595, 5);
  });
});

test("keys of the weak branch join the bank, oldest leave first, in training alone", () => {
  using model = build();
  const rows = (): string[] => scope(() => model.bank.keys.unbind(0).map((row) => row.toNumbers().join()));
  const first = rows();
  const train = (index: number): void => scope(() => void model.call(batch(), { ...step, index }));
  train(0);
  const second = rows();
  expect(second.map((row, i) => row !== first[i])).toEqual([...Array(8).fill(true), ...Array(16).fill(false)]);
  train(1);
  train(2);
  expect(rows().filter((row) => first.includes(row))).toEqual([]);
  const norms = scope(() => model.bank.keys.pow(2).sum([1]).toNumbers());
  for (const norm of norms) expect(norm).toBeCloseTo(1, 5);
  model.setTraining(false);
  const kept = rows();
  train(3);
  expect(rows()).toEqual(kept);
});

test("the strong branch shows 16 of 64 patches and 49 of 196; a weak ratio that shows nothing is refused", () => {
  const shown = (side: number): number => {
    const vit = new Vit(vitConfig.parse({ width: 8, depth: 1, heads: 2, patchSize: 1 }), {
      imageSize: [side, side],
      channels: 1,
    });
    using model = new Macrl(macrlConfig.parse({ decoder: { width: 8, depth: 1, heads: 2 } }), vit);
    return scope(() => model.draw(step.rng, "cpu").kept);
  };
  expect([shown(8), shown(14)]).toEqual([16, 49]);
  using vit = new Vit(vitConfig.parse({ width: 8, depth: 1, heads: 2, patchSize: 4 }), {
    imageSize: [16, 16],
    channels: 3,
  });
  expect(() => new Macrl(macrlConfig.parse({ weakMaskRatio: 0.99 }), vit)).toThrow("leaves 0 of 16 patches visible");
});

test("bfloat16 gives nearly the same loss; a batch is not cut", () => {
  using model = build();
  model.setTraining(false);
  const loss = (): number => scope(() => model.call(batch(), step).total.item());
  const exact = loss();
  expect(Math.abs(autocast("bfloat16", loss) / exact - 1)).toBeLessThan(0.05);
  expect(macrl.couplesBatch(macrlConfig.parse({}))).toMatch(/bank/);
});
