import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { autocast, noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Mae, maeConfig } from "../../../src/methods/masked/mae.js";
import type { Method } from "../../../src/methods/method.js";
import { DecodedMim, type LatentMim, siameseMim, siameseMimConfig } from "../../../src/methods/mixed/siamese-mim.js";
import { encodePatches, type Mask } from "../../../src/methods/parts/masks.js";
import type { PatchEncoder } from "../../../src/models/encoder.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { AdamW } from "../../../src/optim/adamw.js";
import { weightDecayGroups } from "../../../src/optim/groups.js";
import { take } from "../../../src/tensor/functional.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { stepOf } from "../../train/example.js";
import { smallMethod } from "../small.js";

test.each([
  ["decoded", { parts: 3, gradients: 48, "parameters after three steps": 50 }],
  ["average", { parts: 3, gradients: 67, "parameters after three steps": 100 }],
  ["features", { gradients: 48, "parameters after three steps": 80 }],
  ["tokens", { gradients: 52, "parameters after three steps": 88 }],
  ["instances", { gradients: 56, "parameters after three steps": 92, "buffers after three steps": 6 }],
  ["cosine", { gradients: 45, "parameters after three steps": 46 }],
])("%s: losses, gradients, average and three steps of an independent implementation", (name, tensors) => {
  const parts = checkReference(
    fileURLToPath(new URL(`../../reference/siamese-mim-${name}.safetensors`, import.meta.url)),
  );
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const found = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(found).toEqual({ loss: 1, "losses of three steps": 1, ...tensors });
});

const samples = Array.from({ length: 8 }, (_, i) => i);
const step = stepOf(new Rng(1, "step", 0, samples));
const pictures = (): Tensor => new Rng(2, "image", 0, samples).normal([3, 16, 16]);
const vit = (): PatchEncoder =>
  new Vit(vitConfig.parse({ width: 32, depth: 2, heads: 2, patchSize: 4 }), { imageSize: [16, 16], channels: 3 });
const configOf = (changes: object) => siameseMimConfig.parse({ ...smallMethod("siameseMim"), ...changes });

function ready<M extends Method<"image">>(model: M): M {
  model.initialize(new Rng(0, "init"));
  noGrad(() => scope(() => model.begin?.()));
  model.setTraining(true);
  return model;
}

const build = (changes: object = {}) => ready(siameseMim.build(configOf(changes), vit)) as DecodedMim | LatentMim;

/** Which parts of it get a gradient from a scalar that is not zero. */
function reached(model: DecodedMim | LatentMim, of: (model: Method<"image">) => Tensor): string[] {
  return scope(() => {
    backward(of(model as Method<"image">));
    const names = [...model.state()].flatMap(([name, value]) => {
      const isReached = value.grad !== undefined && value.grad.abs().amax([]).item() > 0;
      value.grad = undefined;
      const [part = "encoder"] = /^(teacher|other_decoder|projector|predictor|decoder|mask_token)/.exec(name) ?? [];
      return isReached ? [part] : [];
    });
    return [...new Set(names)].sort();
  });
}

const lossOf = (model: Method<"image">): Tensor => model.call({ image: pictures() }, step).total;
const partOf =
  (part: string) =>
  (model: Method<"image">): Tensor =>
    model.call({ image: pictures() }, step).parts?.[part] as Tensor;

test("where the other branch decodes the true pixels, the loss is MAE's to the last bit", () => {
  class Exact extends DecodedMim {
    protected override decodeOther(image: Tensor, mask: Mask): Tensor {
      return take(this.targets(image), mask.ids.slice(1, mask.kept));
    }
  }
  const { maskRatio, decoder } = configOf({});
  using exact = ready(new Exact(configOf({}), vit(), vit));
  using mae = ready(new Mae(maeConfig.parse({ maskRatio, decoder }), vit()));
  scope(() => {
    const ours = exact.call({ image: pictures() }, step).total.item();
    expect(ours).toBeGreaterThan(0.5);
    expect(ours).toBe(mae.call({ image: pictures() }, step).total.item());
  });
});

test("the branches see complementary patches, or one sees all of them: of 196 patches 49 and 147", () => {
  const encoder = (): PatchEncoder =>
    new Vit(vitConfig.parse({ width: 8, depth: 1, heads: 2, patchSize: 1 }), { imageSize: [14, 14], channels: 1 });
  using model = ready(new DecodedMim(configOf({}), encoder(), encoder));
  scope(() => {
    const { ids, kept } = model.draw(step.rng, "cpu");
    const [seen, hidden] = [ids.slice(1, 0, kept), ids.slice(1, kept)].map((part) =>
      part.unbind(0).map((row) => row.toNumbers()),
    );
    expect([seen?.[0]?.length, hidden?.[0]?.length]).toEqual([49, 147]);
    const all = Array.from({ length: 196 }, (_, i) => i);
    for (const i of samples) expect([...(seen?.[i] ?? []), ...(hidden?.[i] ?? [])].sort((a, b) => a - b)).toEqual(all);
  });
});

/** image -> the same with noise in the patches that are hidden, or in those that are seen [B C H W] */
function disturbed(image: Tensor, { restore, kept }: Mask, where: "hidden" | "seen"): Tensor {
  const chosen = (where === "hidden" ? restore.ge(kept) : restore.lt(kept)).float().reshape([8, 1, 4, 1, 4, 1]);
  const noise = new Rng(5, "noise", 0, samples).normal([3, 16, 16]).reshape([8, 3, 4, 4, 4, 4]).mul(chosen);
  return image.add(noise.reshape([8, 3, 16, 16]));
}

test.each([
  ["complement", false],
  ["full", true],
] as const)(
  "what the other branch decodes from the %s view depends on hidden patches, and on seen ones: %s",
  (view, onSeen) => {
    class Open extends DecodedMim {
      decoded(image: Tensor, mask: Mask): Tensor {
        return this.decodeOther(image, mask);
      }
    }
    using model = ready(new Open(configOf({ view }), vit(), vit));
    scope(() => {
      const mask = model.draw(step.rng, "cpu");
      const apart = (where: "hidden" | "seen"): number =>
        model
          .decoded(disturbed(pictures(), mask, where), mask)
          .sub(model.decoded(pictures(), mask))
          .abs()
          .amax([])
          .item();
      expect(apart("hidden")).toBeGreaterThan(1e-3);
      expect(apart("seen") > 1e-6).toBe(onSeen);
    });
  },
);

test("the first term moves the branch of visible patches alone, the anchor the other one alone", () => {
  using average = build({ branch: "average" });
  expect(reached(average, partOf("match"))).toEqual(["decoder", "encoder", "mask_token"]);
  expect(reached(average, partOf("anchor"))).toEqual(["other_decoder"]);
  using shared = build();
  expect(reached(shared, partOf("anchor"))).toEqual(["decoder", "encoder", "mask_token"]);
});

test("no gradient reaches an average, whatever is compared; the loss reaches all else", () => {
  const parts: Readonly<Record<string, readonly string[]>> = {
    features: ["decoder", "encoder"],
    tokens: ["decoder", "encoder", "projector"],
    instances: ["decoder", "encoder", "predictor", "projector"],
    cosine: ["encoder", "predictor", "projector"],
  };
  for (const [similarity, expected] of Object.entries(parts))
    for (const branch of ["average", "shared"]) {
      using model = build({ similarity, branch });
      expect([similarity, branch, reached(model, lossOf)]).toEqual([similarity, branch, expected]);
    }
});

test("features to be met have mean 0 and variance 1 for each token", () => {
  using model = build({ similarity: "features" }) as LatentMim;
  scope(() => {
    const mask = { ids: new Rng(3, "ids", 0, samples).uniform([16]).argsort(1), kept: 4 };
    const wanted = model.wanted(pictures(), { ...mask, restore: mask.ids.argsort(1) }); // [8 12 32]
    expect(wanted.shape).toEqual([8, 12, 32]);
    expect(wanted.mean([2]).abs().amax([]).item()).toBeLessThan(1e-5);
    expect(wanted.var([2], 0).sub(1).abs().amax([]).item()).toBeLessThan(1e-4);
  });
});

test("pictures are the mean over as many tokens as a branch has: equal tokens have the mean of one, in every view", () => {
  for (const view of ["complement", "full"] as const) {
    using model = build({ similarity: "cosine", view }) as LatentMim;
    const { encoder } = model.teacher as { encoder: PatchEncoder };
    encoder
      .state()
      .get("pos_embed")
      ?.setBytes(new Float32Array(17 * 32));
    scope(() => {
      const ids = new Rng(3, "ids", 0, samples).uniform([16]).argsort(1);
      const grey = pictures().mul(0).add(0.5);
      const wanted = model.wanted(grey, { ids, kept: 4, restore: ids.argsort(1) }); // [8 32]
      const shown = ids.slice(1, 0, view === "full" ? 16 : 12);
      const token = encodePatches(encoder, grey, shown).select(1, 1); // [8 32]
      expect(wanted.sub(token).abs().amax([]).item()).toBeLessThan(1e-5);
    });
  }
});

test.each([
  ["instances", {}, /negatives/],
  ["tokens", { negatives: "batch" }, /negatives/],
  ["tokens", {}, undefined],
  ["cosine", {}, undefined],
  ["features", {}, undefined],
  ["decoded", {}, undefined],
])("%s with %o: a batch is cut unless pictures are compared with others", (similarity, changes, reason) => {
  const said = siameseMim.couplesBatch(configOf({ similarity, ...changes }));
  if (reason === undefined) expect(said).toBeUndefined();
  else expect(said).toMatch(reason);
});

test("bfloat16 gives nearly the same loss", () => {
  for (const similarity of ["decoded", "features", "tokens", "instances", "cosine"]) {
    using model = build({ similarity });
    model.setTraining(false);
    const loss = (): number => scope(() => lossOf(model as Method<"image">).item());
    const exact = loss();
    expect(Math.abs(autocast("bfloat16", loss) / exact - 1)).toBeLessThan(0.05);
  }
});

/** After 80 steps on 64 pictures of a colour and noise: the pixels' error, and the deviation over pictures of what is decoded, over the first. */
function trained(anchorWeight: number): { error: number; variety: number } {
  const rows = Array.from({ length: 64 }, (_, i) => i);
  const images = (): Tensor => {
    const rng = new Rng(2, "pictures", 0, rows);
    return rng
      .fork("colour")
      .normal([3, 1, 1])
      .add(rng.fork("noise").normal([3, 16, 16]).mul(0.3)); // [64 3 16 16]
  };
  const small = (): PatchEncoder =>
    new Vit(vitConfig.parse({ width: 16, depth: 1, heads: 2, patchSize: 4 }), { imageSize: [16, 16], channels: 3 });
  const config = configOf({ anchorWeight, normalizeTargets: false, decoder: { width: 16, depth: 1, heads: 2 } });
  using model = ready(new DecodedMim(config, small(), small));
  using optimizer = new AdamW(weightDecayGroups(model.parameters(), 0), { betas: [0.9, 0.95], epsilon: 1e-8 });
  const variety = (): number =>
    noGrad(() =>
      scope(() =>
        model
          .predict(images(), model.draw(stepAt(0).rng, "cpu"))
          .std([0], 0)
          .mean()
          .item(),
      ),
    );
  const stepAt = (index: number) => stepOf(new Rng(1, "step", index, rows));
  const first = variety();
  for (let index = 0; index < 80; index++)
    scope(() => {
      optimizer.zeroGrad();
      backward(model.call({ image: images() }, stepAt(index)).total);
      optimizer.step(4e-3);
    });
  optimizer.zeroGrad();
  const error = noGrad(() => scope(() => model.call({ image: images() }, stepAt(0)).parts?.["error"]?.item() ?? 0));
  return { error, variety: variety() / first };
}

test("the anchor holds what is decoded to the pixels; without it the branches agree on something else", () => {
  const [held, free] = [trained(1), trained(0)];
  expect(held.error).toBeLessThan(0.4);
  expect(held.variety).toBeGreaterThan(0.2);
  expect(free.error).toBeGreaterThan(1.09); // that of the mean: the pixels' variance
});
