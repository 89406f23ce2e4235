import { expect, test } from "vitest";
import type { Transform } from "../../../src/data/views.js";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { cost } from "../../../src/graph/cost.js";
import { methodConfig, methods } from "../../../src/methods/index.js";
import { Mae, mae, maeConfig } from "../../../src/methods/masked/mae.js";
import { encodeWithMaskToken, type Mask, maskFromNoise } from "../../../src/methods/parts/masks.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { AdamW } from "../../../src/optim/adamw.js";
import { weightDecayGroups } from "../../../src/optim/groups.js";
import { cat, empty, zeros } from "../../../src/tensor/creation.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { congruential } from "../../numbers.js";
import { stepOf } from "../../train/example.js";

interface Sizes {
  image: readonly [number, number];
  patch: number | [number, number];
  width?: number;
  depth?: number;
  channels?: number;
  config?: object;
}

function build({ image, patch, width = 16, depth = 2, channels = 3, config = {} }: Sizes): Mae {
  const vit = new Vit(vitConfig.parse({ width, depth, heads: 2, patchSize: patch }), { imageSize: image, channels });
  return new Mae(maeConfig.parse({ decoder: { width: 8, depth: 1, heads: 2 }, ...config }), vit);
}

/** A golden micro-model: weights and images from a generator written down there. */
function golden(normalizeTargets: boolean): { model: Mae; image: Tensor; mask: Mask } {
  const model = build({
    image: [8, 8],
    patch: 2,
    config: { normalizeTargets, decoder: { width: 8, depth: 1, heads: 2 } },
  });
  model.initialize(new Rng(0, "init")); // positions; the rest is overwritten
  const next = congruential(12345);
  const trainable = model.parameters().sort((a, b) => (a.name < b.name ? -1 : 1));
  expect([trainable.length, trainable.reduce((sum, { tensor: t }) => sum + t.size, 0)]).toEqual([48, 7956]);
  for (const { name, tensor: parameter } of trainable) {
    const value = /norm\d?\.weight$/.test(name)
      ? (v: number) => 1 + 0.2 * v
      : name.endsWith("bias")
        ? (v: number) => 0.2 * v
        : (v: number) => 0.5 * v;
    parameter.setBytes(Float32Array.from({ length: parameter.size }, () => value(next())));
  }
  const pixel = congruential(777);
  const image = tensor(
    Float32Array.from({ length: 2 * 3 * 64 }, () => pixel()),
    [2, 3, 8, 8],
  );
  const noise = Float32Array.from({ length: 32 }, (_, i) => ((7 * (i % 16) + 5 * Math.floor(i / 16) + 3) % 16) / 16);
  return { model, image, mask: maskFromNoise(tensor(noise, [2, 16]), 4) };
}

const gradient = (parameter: Tensor | undefined): Tensor => {
  if (parameter?.grad === undefined) throw new Error("no gradient");
  return parameter.grad;
};
const close = (ours: number, theirs: number, digits = 1e-5): void =>
  expect(Math.abs(ours / theirs - 1)).toBeLessThan(digits);

test.each([
  [false, { loss: 1.2725185358, norm: 2.7121337, cls: 0.1069064, token: 0.50835418, qkv: 0.18271857 }],
  [true, { loss: 1.8704045866, norm: 2.83991412, cls: 0.12242442, token: 0.56295874, qkv: 0.21283646 }],
])("the golden micro-model, normalised targets %s", (normalize, wanted) => {
  scope(() => {
    const { model, image, mask } = golden(normalize);
    const predicted = model.decoder.call(model.encodeVisible(image, mask), mask);
    expect(
      predicted
        .select(0, 0)
        .select(0, 0)
        .slice(0, 0, 4)
        .toNumbers()
        .map((v) => v.toFixed(5)),
    ).toEqual(["1.68373", "-1.46098", "0.68971", "-0.05038"]);
    close(predicted.sum().item(), -30.44051726);
    close(predicted.abs().sum().item(), 297.57411147);
    close(model.encodeVisible(image, mask).abs().sum().item(), 140.36942117);
    const loss = model.loss(image, mask);
    close(loss.item(), wanted.loss, 1e-6);
    backward(loss);
    const norm = (name: string): number => gradient(model.state().get(name)).norm().item();
    close(norm("cls_token"), wanted.cls);
    close(norm("mask_token"), wanted.token);
    close(norm("blocks.0.attn.qkv.weight"), wanted.qkv);
    const all = model.parameters().reduce((sum, { tensor: t }) => sum + (t.grad as Tensor).norm().item() ** 2, 0);
    close(Math.sqrt(all), wanted.norm);
    expect((model.encoder as Vit).posEmbed?.grad).toBeUndefined();
    model.close();
  });
});

test.each([
  [false, [1.27251854, 1.20532175, 1.13692903, 1.06881249, 1.00286191, 0.94111199]],
  [true, [1.87040459, 1.79726638, 1.72278228, 1.64845261, 1.57644978, 1.50909949]],
])("six AdamW steps of the golden model, normalised targets %s", (normalize, losses) => {
  scope(() => {
    const { model, image, mask } = golden(normalize);
    const optimizer = new AdamW(weightDecayGroups(model.parameters(), 0.05), { betas: [0.9, 0.95], epsilon: 1e-8 });
    for (const wanted of losses) {
      optimizer.zeroGrad();
      const loss = model.loss(image, mask);
      close(loss.item(), wanted);
      backward(loss);
      optimizer.step(1e-3);
    }
    optimizer.close();
    model.close();
  });
});

/** MAE with its decoder; counted on the official code. */
test.each([
  ["base", 16, 111_907_840, 111_655_680, 254],
  ["large", 16, 329_541_888, 329_239_296, 398],
  ["huge", 14, 657_074_508, 656_613_964, 494],
] as const)(
  "ViT-%s/%i: parameters, trainable ones and state entries of the official model",
  (size, patchSize, parameters, trainable, entries) => {
    let count = 0;
    const found = cost(
      () => {
        const model = new Mae(
          maeConfig.parse({}),
          new Vit(vitConfig.parse({ size, patchSize }), { imageSize: [224, 224], channels: 3 }),
        );
        count = model.state().size;
        return model;
      },
      (model) => model.call({ image: empty([1, 3, 224, 224], { device: "meta" }) }, stepOf(new Rng(0, "x"))),
    );
    expect([found.parameters, found.trainable, count]).toEqual([parameters, trainable, entries]);
  },
);

test("T4: a hidden patch's pixels reach the loss alone, a visible one's the prediction", () => {
  using model = build({ image: [8, 8], patch: 2 });
  model.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      const image = new Rng(1, "x").normal([3, 8, 8]);
      const mask = maskFromNoise(new Rng(2, "n").uniform([16]), 4);
      const [shown, hidden] = [mask.ids.toNumbers()[0] ?? 0, mask.ids.toNumbers()[15] ?? 0];
      const changed = (patch: number): Tensor => {
        const values = image.toArray() as Float32Array;
        const [y, x] = [Math.floor(patch / 4) * 2, (patch % 4) * 2];
        values[y * 8 + x] = 9;
        return tensor(values, [1, 3, 8, 8]);
      };
      const predict = (x: Tensor): ArrayLike<unknown> =>
        model.decoder.call(model.encodeVisible(x, mask), mask).toArray();
      expect(predict(changed(hidden))).toEqual(predict(image));
      expect(predict(changed(shown))).not.toEqual(predict(image));
      expect(model.loss(changed(hidden), mask).item()).not.toBe(model.loss(image, mask).item());
    }),
  );
});

test("T11, T12: the loss of predicting the mean, of flat patches, and of a batch repeated", () => {
  using model = build({ image: [32, 32], patch: 16, config: { maskRatio: 0.75 } });
  model.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      const image = new Rng(1, "x").normal([3, 32, 32]);
      expect(model.targets(image).pow(2).mean().item()).toBeCloseTo(0.998698, 4);
      expect(model.health().trivial).toBeCloseTo(0.998698, 6);
      expect(
        model
          .targets(zeros([1, 3, 32, 32]).add(0.3))
          .abs()
          .amax([])
          .item(),
      ).toBeLessThan(1e-3);
      const noise = new Rng(2, "n").uniform([4]);
      const once = model.loss(image, maskFromNoise(noise, 1)).item();
      expect(model.loss(cat([image, image]), maskFromNoise(cat([noise, noise]), 1)).item()).toBeCloseTo(once, 5);
    }),
  );
});

test("T13: the loss before training on noise lies between 1.6 and 2.0 at ViT-S width", () => {
  using model = new Mae(
    maeConfig.parse({}),
    new Vit(vitConfig.parse({ size: "small", depth: 3 }), { imageSize: [64, 64], channels: 3 }),
  );
  model.initialize(new Rng(0, "init"));
  const loss = noGrad(() =>
    scope(() =>
      model
        .loss(
          new Rng(1, "x", 0, [0, 1, 2, 3]).normal([3, 64, 64]),
          maskFromNoise(new Rng(2, "n", 0, [0, 1, 2, 3]).uniform([16]), 4),
        )
        .item(),
    ),
  );
  expect(loss).toBeGreaterThan(1.6);
  expect(loss).toBeLessThan(2);
});

test("T18: eight pictures are learned by heart", () => {
  const vit = new Vit(vitConfig.parse({ width: 64, depth: 2, heads: 4, patchSize: 4 }), {
    imageSize: [16, 16],
    channels: 3,
  });
  using model = new Mae(maeConfig.parse({ decoder: { width: 64, depth: 2, heads: 4 } }), vit);
  model.initialize(new Rng(0, "init"));
  const optimizer = new AdamW(weightDecayGroups(model.parameters(), 0.05), { betas: [0.9, 0.95], epsilon: 1e-8 });
  let last = 0;
  scope(() => {
    const samples = Array.from({ length: 8 }, (_, i) => i);
    const coarse = new Rng(1, "x", 0, samples).normal([3, 4, 4]).reshape([8, 3, 4, 1, 4, 1]);
    const ramp = new Rng(2, "x", 0, samples).normal([3, 1, 1]).mul(0.1);
    const image = coarse
      .expand([-1, -1, -1, 4, -1, 4])
      .reshape([8, 3, 16, 16])
      .mul(
        tensor(
          Float32Array.from({ length: 256 }, (_, i) => 1 + (i % 16) / 16 + Math.floor(i / 16) / 8),
          [1, 1, 16, 16],
        ),
      )
      .add(ramp);
    const mask = maskFromNoise(new Rng(3, "n", 0, samples).uniform([16]), 4);
    for (let step = 0; step < 200; step++) {
      last = scope(() => {
        optimizer.zeroGrad();
        const loss = model.loss(image, mask);
        backward(loss);
        optimizer.step(2e-3);
        return loss.item();
      });
    }
  });
  optimizer.close();
  expect(last).toBeLessThan(0.1);
});

test("any picture: sides and patches that are not square, one channel, every mask, every part gets a gradient", () => {
  for (const mask of ["random", "block", "grid"] as const) {
    using model = build({ image: [16, 24], patch: [4, 6], channels: 1, config: { mask } });
    model.initialize(new Rng(0, "init"));
    model.setTraining(true);
    scope(() => {
      const rng = new Rng(1, "step", 0, [3, 4]);
      backward(model.call({ image: rng.fork("x").normal([1, 16, 24]) }, stepOf(rng)).total);
      for (const { name, tensor: t } of model.parameters()) {
        expect([name, t.grad === undefined]).toEqual([name, false]);
        t.grad = undefined;
      }
    });
  }
});

test("pictures: visible patches stay, hidden ones are zero when masked, the note says whose statistics", () => {
  using model = build({ image: [8, 12], patch: 4, config: { maskRatio: 0.5 } });
  model.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      const rng = new Rng(1, "preview", 0, [0, 1]);
      const image = rng.fork("x").normal([3, 8, 12]);
      const made = model.reconstruct(image, stepOf(rng));
      const pixels = made.mask.reshape([2, 1, 2, 1, 3, 1]).expand([2, 3, 2, 4, 3, 4]).reshape([2, 3, 8, 12]);
      const visible = pixels.rsub(1);
      expect(made.masked.sub(image.mul(visible)).abs().amax([]).item()).toBe(0);
      expect(made.rebuilt.sub(image).mul(visible).abs().amax([]).item()).toBe(0);
      expect(made.rebuilt.sub(made.predicted).mul(pixels).abs().amax([]).item()).toBe(0);
    }),
  );
  expect(model.pictureNote()).toContain("true mean and deviation");
});

test("views by the paper's table 1e, a config without surprises, the list", () => {
  const image = { imageSize: [32, 32], channels: 3 } as const;
  const kinds = (augmentation: "randomCrop" | "fixedCrop" | "none"): string[] =>
    (mae.views(maeConfig.parse({ augmentation }), image)["image"] as Transform).map(({ type }) => type);
  expect(kinds("randomCrop")).toEqual(["randomResizedCrop", "flip"]);
  expect(kinds("fixedCrop")).toEqual(["resize", "centerCrop", "reflectPadCrop", "flip"]);
  expect(kinds("none")).toEqual(["resize", "centerCrop"]);
  expect(methodConfig.parse({ name: "mae" })).toMatchObject({
    maskRatio: 0.75,
    decoder: { width: 512, depth: 8, heads: 16 },
  });
  expect(methods.names()).toContain("mae");
  using vit = new Vit(vitConfig.parse({ width: 16, depth: 1, heads: 2, patchSize: 4 }), {
    imageSize: [4, 4],
    channels: 3,
  });
  expect(() => new Mae(maeConfig.parse({}), vit)).toThrow("a mask ratio of 0.75 leaves 0 of 1 patches visible.");
});

test("table 1c: the mask token in the encoder; hidden pixels still reach the loss alone, the decoder has no token", () => {
  using model = build({ image: [8, 8], patch: 2, config: { maskTokenInEncoder: true } });
  model.initialize(new Rng(0, "init"));
  const token = model.maskToken as Tensor;
  expect(token.shape).toEqual([1, 1, 16]);
  noGrad(() =>
    scope(() => {
      const image = new Rng(1, "x").normal([3, 8, 8]);
      const mask = maskFromNoise(new Rng(2, "n").uniform([16]), 4);
      const [shown, hidden] = [mask.ids.toNumbers()[0] ?? 0, mask.ids.toNumbers()[15] ?? 0];
      const changed = (patch: number): Tensor => {
        const values = image.toArray() as Float32Array;
        values[Math.floor(patch / 4) * 16 + (patch % 4) * 2] = 9;
        return tensor(values, [1, 3, 8, 8]);
      };
      expect(encodeWithMaskToken(model.encoder, image, mask, token).shape).toEqual([1, 17, 16]);
      expect(model.predict(changed(hidden), mask).toArray()).toEqual(model.predict(image, mask).toArray());
      expect(model.predict(changed(shown), mask).toArray()).not.toEqual(model.predict(image, mask).toArray());
      // With nothing hidden it is the plain encoder.
      const whole = maskFromNoise(new Rng(2, "n").uniform([16]), 16);
      const apart = encodeWithMaskToken(model.encoder, image, whole, token)
        .sub(model.encoder.call(image))
        .abs()
        .amax([])
        .item();
      expect(apart).toBeLessThan(1e-6);
    }),
  );
});

test("table 1c: the encoder with mask tokens at ViT-L/16 costs 3.3 times the work, as the paper says", () => {
  const work = (maskTokenInEncoder: boolean): number =>
    cost(
      () =>
        new Mae(
          maeConfig.parse({ maskTokenInEncoder }),
          new Vit(vitConfig.parse({ size: "large", patchSize: 16 }), { imageSize: [224, 224], channels: 3 }),
        ),
      (model) => model.call({ image: empty([1, 3, 224, 224], { device: "meta" }) }, stepOf(new Rng(0, "x"))),
    ).multiplyAdds;
  const times = work(true) / work(false);
  expect(times).toBeGreaterThan(3.2);
  expect(times).toBeLessThan(3.35);
});

test("loss on all patches: the mean over hidden and visible ones, weighted by their number", () => {
  const models = (["all", "hidden"] as const).map((lossOn) => build({ image: [8, 8], patch: 2, config: { lossOn } }));
  for (const model of models) model.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      const [all, hidden] = models as [Mae, Mae];
      const image = new Rng(1, "x").normal([3, 8, 8]);
      const mask = maskFromNoise(new Rng(2, "n").uniform([16]), 4);
      const errors = all.predict(image, mask).sub(all.targets(image)).pow(2).mean([-1]); // [1 16]
      expect(all.loss(image, mask).item()).toBeCloseTo(errors.mean().item(), 5);
      const share = mask.restore.ge(4).float(); // [1 16]
      expect(hidden.loss(image, mask).item()).toBeCloseTo(errors.mul(share).sum().item() / 12, 5);
    }),
  );
  for (const model of models) model.close();
});

test.each([
  { target: "pca" },
  { target: "tokens", tokenizer: { name: "kMeans", vocabulary: 16 } },
  { maskTokenInEncoder: true },
  { maskTokenInEncoder: true, lossOn: "all", target: "pca" },
  { lossOn: "all", target: "tokens", tokenizer: { name: "kMeans", vocabulary: 16 } },
  { target: "pixels", normalizeTargets: false },
] as const)("%j: trains, every parameter with a gradient, and shows pictures", (config) => {
  using model = build({ image: [16, 24], patch: [4, 6], channels: 1, config });
  model.initialize(new Rng(0, "init"));
  model.setTraining(true);
  scope(() => {
    const rng = new Rng(1, "step", 0, [3, 4, 5, 6]);
    const image = rng.fork("x").normal([1, 16, 24]);
    noGrad(() => model.fit()?.run(image, new Rng(0, "fit")));
    const step = stepOf(rng);
    const optimizer = new AdamW(weightDecayGroups(model.parameters(), 0.05), { betas: [0.9, 0.95], epsilon: 1e-8 });
    const losses = Array.from({ length: 12 }, () =>
      scope(() => {
        optimizer.zeroGrad();
        const { total } = model.call({ image }, step);
        backward(total);
        for (const { name, tensor: t } of model.parameters())
          expect([name, t.grad === undefined]).toEqual([name, false]);
        optimizer.step(1e-3);
        return total.item();
      }),
    );
    optimizer.zeroGrad();
    optimizer.close();
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);
    const made = noGrad(() => model.reconstruct(image, step));
    expect([made.rebuilt.shape, made.predicted.isFinite().all().item()]).toEqual([[4, 1, 16, 24], 1]);
  });
});
