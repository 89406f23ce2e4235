import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Mae, maeConfig } from "../../../src/methods/masked/mae.js";
import { keptPatches, maskFromNoise } from "../../../src/methods/parts/masks.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { cat } from "../../../src/tensor/creation.js";
import { layerNorm, linear } from "../../../src/tensor/functional.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { configFrom, openModelFile, weightsHash } from "../../../src/train/checkpoints/from-checkpoint.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { loadInto } from "../../../src/train/checkpoints/load-into.js";
import { made, micro, type PublishedShape, uniform, writeOfficial } from "../../models/published/formula.js";
import { vitOf, workFolder } from "../example.js";

const work = workFolder("from-checkpoint");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);

interface Some {
  readonly shape: number[];
  readonly step: number;
  readonly values: number[];
  readonly largest: number;
}
interface Size {
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly patchSize: number;
  readonly decoder: { readonly width: number; readonly depth: number; readonly heads: number };
  readonly outputs: Record<string, Some>;
}
const published = JSON.parse(readFileSync(new URL("../../reference/published.json", import.meta.url), "utf8")) as {
  readonly sizes: Record<string, Size>;
};

/** Largest difference over the stored values, relative to the tensor's largest value. */
function apart(ours: Tensor, theirs: Some): number {
  expect(ours.shape).toEqual(theirs.shape);
  const values = ours.float().toArray() as Float32Array;
  const differences = theirs.values.map((value, i) => Math.abs((values[i * theirs.step] as number) - value));
  return Math.max(...differences) / theirs.largest;
}

const side = 224;
const image = (): Tensor =>
  tensor(
    Float32Array.from(uniform("image", 2 * 3 * side * side), (v) => 1.5 * v),
    [2, 3, side, side],
  );

// The weights are a formula's, on both sides: make_published.py. L and H: records/2026-11-25-conversion.
describe.each(["tiny", "small"])("ViT-%s: transformers and timm compute the same", (name) => {
  const { patchSize, outputs, decoder, ...size } = published.sizes[name] as Size;
  const grid = side / patchSize;
  const shape: PublishedShape = {
    ...size,
    mlpRatio: 4,
    patchSize: [patchSize, patchSize],
    grid: [grid, grid],
    channels: 3,
  };
  const close = (ours: Tensor, key: string): void => expect(apart(ours, outputs[key] as Some), key).toBeLessThan(1e-5);

  test("masked autoencoder: latent, predictions, loss", () => {
    const path = writeOfficial(place(`${name}.pth`), { ...shape, decoder: { ...decoder, mlpRatio: 4 } });
    using file = openModelFile(path, { decoderHeads: decoder.heads });
    const { model, method } = configFrom(file);
    using mae = new Mae(
      maeConfig.parse(method),
      new Vit(vitConfig.parse(model), { imageSize: [side, side], channels: 3 }),
    );
    expect(loadInto(mae.state(), mae.encoder, file, { positions: "resize" })).toEqual({
      method: true,
      positions: "as they are",
    });
    noGrad(() =>
      scope(() => {
        const noise = tensor(Float32Array.from(uniform("noise", 2 * grid * grid)), [2, grid * grid]);
        const mask = maskFromNoise(noise, keptPatches(grid * grid, 0.75));
        const latent = mae.encodeVisible(image(), mask);
        close(latent, "mae.latent");
        close(mae.decoder.call(latent, mask), "mae.logits");
        close(mae.loss(image(), mask), "mae.loss");
      }),
    );
  });

  test("encoder; classifier of the class token and of the mean", () => {
    const path = writeOfficial(place(`${name}-encoder.pth`), shape);
    using model = loadModel(path);
    expect(model.method).toBeUndefined();
    noGrad(() =>
      scope(() => {
        const tokens = model.encoder.call(image());
        close(tokens, "vit.tokens");
        close(tokens, "timm.features");
        const layer = (stem: string, ...sides: number[]) => tensor(made(stem, sides), sides);
        const [weight, bias] = [layer("head.weight", 10, size.width), layer("head.bias", 10)];
        close(linear(tokens.select(1, 0), weight, bias), "vit.classifier");
        close(linear(tokens.select(1, 0), weight, bias), "timm.token");
        const encoder = vitOf(model);
        const patches = encoder.patchEmbed
          .call(encoder.patchEmbed.unfold(image()))
          .add((encoder.posEmbed as Tensor).slice(1, 1));
        const first = encoder.clsToken.add((encoder.posEmbed as Tensor).slice(1, 0, 1)).expand([2, -1, -1]);
        const mean = encoder.blocks
          .call(cat([first, patches], 1))
          .slice(1, 1)
          .mean([1]);
        const [gain, shift] = [layer("fc_norm.weight", size.width), layer("fc_norm.bias", size.width)];
        close(linear(layerNorm(mean, [size.width], gain, shift, 1e-6), weight, bias), "timm.mean");
      }),
    );
  });
});

test("the hash is that of the file", () => {
  using given = openModelFile(writeOfficial(place("micro.pth"), micro), { heads: 2 });
  expect(weightsHash(given)).toBe(createHash("sha256").update(readFileSync(given.path)).digest("hex"));
});

test("mean and deviation are those that are said, over ImageNet's, which then need not be said", () => {
  const path = writeOfficial(place("colours.pth"), micro);
  using usual = openModelFile(path, { heads: 2 });
  expect(usual.assumed).toEqual([
    "pictures normalised by ImageNet's mean and deviation (--mean and --std say otherwise)",
  ]);
  using said = openModelFile(path, { heads: 2, mean: [0.5, 0.5, 0.5] });
  expect(said.assumed).toEqual([]);
  expect(configFrom(said).data).toMatchObject({ mean: [0.5, 0.5, 0.5], std: [0.229, 0.224, 0.225] });
});
