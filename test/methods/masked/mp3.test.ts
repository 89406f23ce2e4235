import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { autocast, noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Mp3, mp3, mp3Config } from "../../../src/methods/masked/mp3.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { AdamW } from "../../../src/optim/adamw.js";
import { weightDecayGroups } from "../../../src/optim/groups.js";
import { cat } from "../../../src/tensor/creation.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { relativeDifference } from "../../numbers.js";
import { stepOf } from "../../train/example.js";

leavesNoTensors();

test.each([
  ["mp3-small", 31],
  ["mp3-smoothed", 43],
])("%s: losses, gradients and parameters of an independent implementation's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, parts: 2, gradients, "losses of three steps": 1 });
});

const samples = [0, 1];
const step = stepOf(new Rng(1, "step", 0, samples));
const pictures = (): Tensor => new Rng(2, "x", 0, samples).normal([3, 32, 32]);
const plain = { width: 32, depth: 2, heads: 2, positions: "none" };

function build(
  changes: object = {},
  { side = 32, patchSize = 8, ...sizes }: Record<string, unknown> & object = {},
): Mp3 {
  const image = { imageSize: [side, side] as [number, number], channels: 3 } as const;
  const vit = new Vit(vitConfig.parse({ ...plain, patchSize, ...sizes }), image);
  const model = new Mp3(mp3Config.parse(changes), vit);
  model.initialize(new Rng(0, "init"));
  return model;
}

/** Noise on one patch of every picture. */
function changed(image: Tensor, patch: number): Tensor {
  const noise = new Rng(9, "noise", 0, samples).normal([3, 8, 8]);
  const [row, column] = [Math.floor(patch / 4), patch % 4];
  const cells = Array.from({ length: 16 }, (_, n) => (n === row * 4 + column ? noise : noise.mul(0)));
  const rows = [0, 1, 2, 3].map((r) => cat(cells.slice(4 * r, 4 * r + 4), 3));
  return image.add(cat(rows, 2));
}

test("a patch outside the context changes what is said of it alone, one of the context changes all", () => {
  using model = build();
  noGrad(() =>
    scope(() => {
      const context = tensor(BigInt64Array.from([1n, 5n, 6n, 15n, 1n, 5n, 6n, 15n]), [2, 4]);
      const before = model.places(pictures(), context);
      const moved = (patch: number): boolean[] =>
        model
          .places(changed(pictures(), patch), context)
          .sub(before)
          .abs()
          .amax([0, 2])
          .toNumbers()
          .map((most) => most > 1e-6);
      expect(moved(7)).toEqual(Array.from({ length: 16 }, (_, n) => n === 7));
      expect(moved(5)).toEqual(Array.from({ length: 16 }, () => true));
    }),
  );
});

test("patches in another order are told apart as before: nothing leaks where they stand", () => {
  using model = build();
  noGrad(() =>
    scope(() => {
      const order = new Rng(4, "order", 0, [0]).uniform([16]).argsort(1).flatten(); // [N]
      const turned = pictures()
        .reshape([2, 3, 4, 8, 4, 8])
        .permute([0, 2, 4, 1, 3, 5])
        .reshape([2, 16, 3, 8, 8])
        .indexSelect(1, order)
        .reshape([2, 4, 4, 3, 8, 8])
        .permute([0, 3, 1, 4, 2, 5])
        .reshape([2, 3, 32, 32]);
      const context = model.draw(step.rng, "cpu"); // [B M]
      const there = order.argsort(0).indexSelect(0, context.flatten()).reshape(context.shape); // where the context's patches went
      const logits = model.places(pictures(), context).indexSelect(1, order);
      expect(relativeDifference(model.places(turned, there), logits)).toBeLessThan(1e-5);
    }),
  );
});

test.each([
  [14, 5.278115, 49],
  [8, 4.158883, 16],
  [3, 2.197225, 2],
])("%d × %d patches: a head that says nothing costs ln N; the context has a quarter of them", (side, loss, kept) => {
  using model = build({}, { side, patchSize: 1, width: 8, depth: 1 });
  noGrad(() => scope(() => void model.head.weight.mul_(0)));
  scope(() => {
    const image = new Rng(2, "x", 0, samples).normal([3, side, side]);
    expect(model.call({ image }, step).total.item()).toBeCloseTo(loss, 5);
    expect(model.draw(step.rng, "cpu").shape).toEqual([2, kept]);
  });
  expect(model.health().trivial).toBeCloseTo(loss, 6);
});

test("of one colour, every patch is told the same place, and one of 16 is right", () => {
  using model = build();
  noGrad(() =>
    scope(() => {
      const image = pictures().mul(0).add(0.5);
      const logits = model.places(image, model.draw(step.rng, "cpu"));
      expect(relativeDifference(logits, logits.slice(1, 0, 1).expand([-1, 16, -1]))).toBeLessThan(1e-6);
      expect(model.call({ image }, step).parts?.["accuracy"]?.item()).toBe(1 / 16);
    }),
  );
});

test("smoothed places: logits that are the log of the targets cost their entropy, others cost more", () => {
  using model = build({ smoothing: 1 });
  scope(() => {
    const weight = (i: number, j: number): number =>
      Math.exp(-Math.hypot(Math.floor(i / 4) - Math.floor(j / 4), (i % 4) - (j % 4)));
    const targets = Array.from({ length: 16 }, (_, i) => {
      const row = Array.from({ length: 16 }, (_, j) => weight(i, j));
      return row.map((value) => value / row.reduce((sum, other) => sum + other, 0));
    });
    const entropy = -targets.flat().reduce((sum, p) => sum + p * Math.log(p), 0) / 16;
    const logits = tensor(Float32Array.from(targets.flat(), Math.log), [1, 16, 16]);
    expect(model.loss(logits).item()).toBeCloseTo(entropy, 5);
    expect(model.loss(logits.mul(2)).item()).toBeGreaterThan(entropy);
  });
});

/** Pictures of 4 × 4 patches, whose first two channels are row and column of each. */
function placed(rng: Rng): Tensor {
  const rows = tensor(Float32Array.from([-1.5, -0.5, 0.5, 1.5]), [4, 1]).expand([4, 4]);
  const place = cat(
    [rows, rows.transpose(0, 1), rows.mul(0)].map((map) => map.reshape([1, 1, 4, 4])),
    1,
  ); // [1 3 4 4]
  return rng
    .normal([3, 8, 8])
    .mul(0.05)
    .add(place.unsqueeze(-1).unsqueeze(3).expand([-1, -1, -1, 2, -1, 2]).reshape([1, 3, 8, 8]));
}

test("it learns the places of patches that show them, and not those of patches that do not", () => {
  const learn = (image: (rng: Rng) => Tensor): number => {
    using model = build({ maskRatio: 0.5 }, { side: 8, patchSize: 2, depth: 1 });
    model.setTraining(true);
    using optimizer = new AdamW(weightDecayGroups(model.parameters(), 0), { betas: [0.9, 0.95], epsilon: 1e-8 });
    const shares = Array.from({ length: 200 }, (_, epoch) =>
      scope(() => {
        const rng = new Rng(3, "learn", epoch, [0, 1, 2, 3, 4, 5, 6, 7]);
        optimizer.zeroGrad();
        const { total, parts } = model.call({ image: image(rng.fork("image")) }, stepOf(rng));
        backward(total);
        optimizer.step(5e-3);
        return parts?.["accuracy"]?.item() ?? 0;
      }),
    );
    return shares.slice(-20).reduce((sum, share) => sum + share, 0) / 20;
  };
  expect(learn(placed)).toBeGreaterThan(0.95);
  expect(learn((rng) => rng.normal([3, 8, 8]))).toBeLessThan(0.12); // chance is 0.0625
});

test("activations that are computed again give the same gradients; bfloat16 gives nearly the same loss", () => {
  using model = build();
  model.setTraining(true);
  const gradients = (checkpointing: boolean): Float32Array[] => {
    model.encoder.setCheckpointing(checkpointing);
    scope(() => backward(model.call({ image: pictures() }, step).total));
    return model.parameters().map(({ tensor: value }) => {
      const gradient = scope(() => value.grad?.toArray()) as Float32Array;
      value.grad?.dispose();
      value.grad = undefined;
      return gradient;
    });
  };
  expect(gradients(true)).toEqual(gradients(false));
  model.encoder.setCheckpointing(false);
  const loss = (): number => scope(() => model.call({ image: pictures() }, step).total.item());
  const exact = loss();
  expect(Math.abs(autocast("bfloat16", loss) / exact - 1)).toBeLessThan(0.05);
});

test("an encoder with positions is refused, with what to set", () => {
  const vit = (changes: object) => (): Vit =>
    new Vit(vitConfig.parse({ ...plain, patchSize: 8, ...changes }), { imageSize: [32, 32], channels: 3 });
  for (const changes of [{ positions: "sinCos" }, { relativePositions: "shared" }])
    expect(() => mp3.build(mp3Config.parse({}), vit(changes))).toThrow(/without positions/);
  using built = mp3.build(mp3Config.parse({}), vit({}));
  expect(built.encoder.width).toBe(32);
});
