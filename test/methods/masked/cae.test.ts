import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Cae, cae, caeConfig } from "../../../src/methods/masked/cae.js";
import { type Mask, maskFromNoise, maskOf } from "../../../src/methods/parts/masks.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { onDevice } from "../../../src/nn/parameter.js";
import { patchify, unpatchify } from "../../../src/nn/patches.js";
import { AdamW } from "../../../src/optim/adamw.js";
import { weightDecayGroups } from "../../../src/optim/groups.js";
import { cat } from "../../../src/tensor/creation.js";
import { mseLoss, take } from "../../../src/tensor/functional.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";

leavesNoTensors();

test.each([
  ["cae-half", 114],
  ["cae-more", 135],
])("%s: losses, gradients and parameters of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ mask: 1, loss: 1, parts: 3, gradients, "losses of three steps": 1 });
});

const official = { layerScale: 0.1, keyBias: false };
const image = { imageSize: [16, 16], channels: 3 } as const;
const kMeans = (vocabulary: number) => ({ name: "kMeans", vocabulary }) as const;

function build(changes: object = {}, model: object = {}): Cae {
  const config = caeConfig.parse({
    ...{ tokenizer: kMeans(32), regressor: { depth: 2 }, decoder: { depth: 1 } },
    ...changes,
  });
  const sizes = { width: 32, depth: 2, heads: 2, patchSize: 4, ...official, ...model };
  const made = new Cae(config, new Vit(vitConfig.parse(sizes), image));
  made.initialize(new Rng(0, "init"));
  return made;
}

const samples = Array.from({ length: 16 }, (_, i) => i);
const step = stepOf(new Rng(1, "step", 0, samples));
const pictures = (): Tensor => new Rng(2, "x", 0, samples).normal([3, 16, 16]); // [16 3 16 16]
const halfHidden = (): Mask => maskFromNoise(new Rng(3, "mask", 0, samples).uniform([16]), 8);

/** image [16 3 16 16] -> the same with other pixels in the patches `ids` */
function altered(given: Tensor, ids: Tensor): Tensor {
  const patches = patchify(given, [4, 4], "channelsLast"); // [16 16 48]
  const noise = new Rng(9, "other", 0, samples).normal([8, 48]);
  const others = Array.from({ length: 16 }, (_, i) => i).map((n) => ids.eq(n).float().amax([1])); // [16] each
  const isAltered = others.map((one) => one.reshape([16, 1, 1]));
  const filled = cat([noise, noise], 1); // [16 16 48]
  const share = cat(isAltered, 1); // [16 16 1]
  return unpatchify(patches.mul(share.rsub(1)).add(filled.mul(share)), [4, 4], [4, 4], "channelsLast");
}

test("the base model has the official numbers of parameters, but for the second copy of the encoder", () => {
  using model = onDevice("meta", () =>
    cae.build(
      caeConfig.parse({ tokenizer: kMeans(8192) }),
      () => new Vit(vitConfig.parse({ size: "base", ...official }), { imageSize: [224, 224], channels: 3 }),
    ),
  ) as Cae;
  const size = (tensors: Iterable<Tensor>): number => [...tensors].reduce((sum, one) => sum + one.size, 0);
  expect(size(model.parameters().map(({ tensor }) => tensor))).toBe(148_681_472);
  expect(size(model.encoder.state().values())).toBe(85_807_872);
  expect(size(model.regresser.state().values())).toBe(28_368_384);
  expect(size(model.decoder.state().values())).toBe(34_655_744);
});

test("pixels of hidden patches change no prediction, those of visible patches no target, not by a bit", () => {
  using model = build();
  noGrad(() =>
    scope(() => {
      const [mask, given] = [halfHidden(), pictures()];
      const otherHidden = altered(given, mask.ids.slice(1, mask.kept));
      const otherVisible = altered(given, mask.ids.slice(1, 0, mask.kept));
      const bytes = (tensors: readonly Tensor[]): Uint8Array[] => tensors.map((one) => one.contiguous().toBytes());
      const predicted = (from: Tensor) => {
        const { regressed, logits, visible } = model.regress(from, mask);
        return bytes([regressed, logits, visible]);
      };
      expect(predicted(otherHidden)).toEqual(predicted(given));
      expect(predicted(otherVisible)).not.toEqual(predicted(given));
      const target = (from: Tensor) => bytes([model.encodeHidden(from, mask)]);
      expect(target(otherVisible)).toEqual(target(given));
      expect(target(otherHidden)).not.toEqual(target(given));
    }),
  );
});

test("a fresh model: cross-entropy near ln V, latents as far from their targets as two independent normalised vectors, 2", () => {
  using model = build({ tokenizer: kMeans(256) }, { width: 64 });
  scope(() =>
    noGrad(() => {
      model.fit()?.run(pictures(), new Rng(0, "fit"));
      const { total, parts } = model.call({ image: pictures() }, step);
      const [tokens, alignment] = [parts?.["tokens"]?.item() ?? 0, parts?.["alignment"]?.item() ?? 0];
      expect(Math.abs(tokens - Math.log(256))).toBeLessThan(0.6);
      expect(Math.abs(alignment - 2)).toBeLessThan(0.3);
      expect(total.item()).toBeCloseTo(tokens + 2 * alignment, 5);
    }),
  );
});

/** Which of the model's parts have a gradient that is not zero. */
function reached(model: Cae): string[] {
  const found = new Set<string>();
  for (const { name, tensor } of model.parameters()) {
    if (tensor.grad !== undefined && scope(() => tensor.grad?.abs().amax([]).item() ?? 0) > 0)
      found.add(name.split(".")[0] as string);
    tensor.grad?.dispose();
    tensor.grad = undefined;
  }
  return [...found].sort();
}

test("alignment teaches encoder and regressor, tokens the decoder too; the target is without a gradient", () => {
  using model = build();
  scope(() => {
    noGrad(() => model.fit()?.run(pictures(), new Rng(0, "fit")));
    const parts = () => model.call({ image: pictures() }, step).parts ?? {};
    backward(parts()["alignment"] as Tensor);
    expect(reached(model)).toEqual(["encoder", "mask_token", "regresser"]);
    backward(parts()["tokens"] as Tensor);
    expect(reached(model)).toEqual(["decoder", "encoder", "mask_token", "regresser"]);
    expect(model.encodeHidden(pictures(), halfHidden()).requiresGrad).toBe(false);
  });
});

test("the decoder sees latents and positions of hidden patches alone, the regressor's target is the present encoder's", () => {
  using model = build();
  noGrad(() =>
    scope(() => {
      const [mask, given] = [halfHidden(), pictures()];
      const { regressed, logits } = model.regress(given, mask);
      const places = model.rdPosEmbed.slice(1, 1).expand([16, -1, -1]);
      const at = take(places, mask.ids.slice(1, mask.kept)); // [16 8 32]
      expect(model.decoder.call(regressed, at).toBytes()).toEqual(logits.toBytes());
      const weight = model.encoder.state().get("norm.weight") as Tensor;
      const before = model.encodeHidden(given, mask);
      weight.copy_(weight.mul(2));
      expect(mseLoss(model.encodeHidden(given, mask), before.mul(2)).item()).toBeLessThan(1e-12);
    }),
  );
});

test("sixteen pictures with their masks are learned by heart, tokens and latents", () => {
  using model = build({ tokenizer: kMeans(16), mask: "random" });
  scope(() => noGrad(() => model.fit()?.run(pictures(), new Rng(0, "fit"))));
  const optimizer = new AdamW(weightDecayGroups(model.parameters(), 0), { betas: [0.9, 0.999], epsilon: 1e-8 });
  let last = { tokens: 0, alignment: 0, accuracy: 0 };
  for (let i = 0; i < 150; i++)
    scope(() => {
      optimizer.zeroGrad();
      const { total, parts = {} } = model.call({ image: pictures() }, step);
      backward(total);
      optimizer.step({ learningRate: 3e-3 });
      const of = (name: string): number => parts[name]?.item() ?? Number.NaN;
      last = { tokens: of("tokens"), alignment: of("alignment"), accuracy: of("accuracy") };
    });
  optimizer.zeroGrad();
  optimizer.close();
  expect(last.accuracy).toBeGreaterThan(0.95);
  expect(last.tokens).toBeLessThan(0.3);
  expect(last.alignment).toBeLessThan(0.8);
});

test("a picture filled in keeps its visible patches, and shows the likeliest tokens in the others", () => {
  using model = build();
  noGrad(() =>
    scope(() => {
      model.fit()?.run(pictures(), new Rng(0, "fit"));
      const [{ ids, kept }, given] = [halfHidden(), pictures()];
      const { rebuilt, predicted, mask } = model.reconstruct(given, step, { ids, kept });
      const own = (picture: Tensor, numbers: Tensor): Tensor =>
        take(patchify(picture, [4, 4], "channelsLast"), numbers);
      const [seen, hidden] = [ids.slice(1, 0, kept), ids.slice(1, kept)];
      expect(own(rebuilt, seen).toBytes()).toEqual(own(given, seen).toBytes());
      const { logits } = model.regress(given, maskOf(ids, kept));
      const drawn = model.target.tokenizer.patches(logits.argmax(-1)); // [16 8 48]
      expect(own(rebuilt, hidden).toBytes()).toEqual(drawn.toBytes());
      expect(own(predicted, seen).toBytes()).toEqual(
        model.target.tokenizer.patches(take(model.target.call(given), seen).squeeze(-1)).toBytes(),
      );
      expect(mask.sum([1]).toNumbers()).toEqual(samples.map(() => 8));
    }),
  );
});

test("first values are the official ones: tokens and patches cut at one deviation, all others Xavier's", () => {
  using model = build({}, { width: 128 });
  scope(() => {
    const of = (name: string): Tensor => model.state().get(name)?.detach() as Tensor;
    for (const name of ["mask_token", "encoder.cls_token", "encoder.patch_embed.proj.weight"])
      expect(of(name).abs().amax([]).item(), name).toBeLessThanOrEqual(0.02);
    expect(of("encoder.patch_embed.proj.bias").abs().amax([]).item()).toBe(0);
    const bound = (name: string): number => of(name).abs().amax([]).item() / Math.sqrt(6 / (128 + 128));
    expect(bound("regresser.regressor_blocks.1.cross_attn.q.weight")).toBeCloseTo(1, 2);
    expect(bound("encoder.blocks.1.attn.proj.weight")).toBeCloseTo(1, 2);
    expect(of("regresser.regressor_blocks.0.gamma_2_cross").toNumbers().at(5)).toBeCloseTo(0.1, 6);
  });
});
