import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Mae, maeConfig } from "../../../src/methods/masked/mae.js";
import { keptPatches, maskFromNoise } from "../../../src/methods/parts/masks.js";
import { openPublished, type Published } from "../../../src/models/published/open.js";
import type { PublishedShape } from "../../../src/models/published/shape.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { sinCosPositions } from "../../../src/nn/positions.js";
import { cat } from "../../../src/tensor/creation.js";
import { layerNorm, linear } from "../../../src/tensor/functional.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { configFrom, loadInto, openModelFile, weightsHash } from "../../../src/train/checkpoints/from-checkpoint.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { made, micro, microDecoder, officialTensors, uniform, writeOfficial } from "../../models/published/formula.js";
import { vitOf, workFolder } from "../example.js";

const work = workFolder("from-checkpoint");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);
const hints = { heads: 2, decoderHeads: 2 };

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
      decoder: true,
      positions: "as they are",
    });
    noGrad(() =>
      scope(() => {
        const noise = tensor(Float32Array.from(uniform("noise", 2 * grid * grid)), [2, grid * grid]);
        const mask = maskFromNoise(noise, keptPatches(grid * grid, 0.75));
        const latent = mae.encodeVisible(image(), mask);
        close(latent, "mae.latent");
        close(mae.decode(latent, mask), "mae.logits");
        close(mae.loss(image(), mask), "mae.loss");
      }),
    );
  });

  test("encoder; classifier of the class token and of the mean", () => {
    const path = writeOfficial(place(`${name}-encoder.pth`), shape);
    using model = loadModel(path);
    expect(model.hasDecoder).toBe(false);
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
        const patches = encoder.patchEmbed.call(encoder.patchEmbed.unfold(image())).add(encoder.posEmbed.slice(1, 1));
        const first = encoder.clsToken.add(encoder.posEmbed.slice(1, 0, 1)).expand([2, -1, -1]);
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

function vit(
  change: Partial<Parameters<typeof vitConfig.parse>[0] & object> = {},
  imageSize: readonly [number, number] = [16, 16],
): Vit {
  const made = new Vit(vitConfig.parse({ width: 16, depth: 2, heads: 2, patchSize: 4, ...change }), {
    imageSize,
    channels: 3,
  });
  made.initialize(new Rng(1, "init"));
  return made;
}
const file = (shape: PublishedShape = micro, name = "micro.pth"): Published =>
  openPublished(writeOfficial(place(name), shape), hints);

test("sizes that differ are all named, with the flags that mend it, and nothing changes", () => {
  using encoder = vit({ width: 32, heads: 4, patchSize: 8 });
  const before = encoder.clsToken.toArray();
  using given = file();
  expect(() => loadInto(encoder.state(), encoder, given, { positions: "resize" })).toThrow(
    /model\.width is 16 in the file, 32 in the configuration; model\.heads is 2 in the file, 4 in the configuration; model\.patchSize is 4 in the file, 8 in the configuration\. Set --model\.width=16 --model\.heads=2 --model\.patchSize=4/,
  );
  expect(encoder.clsToken.toArray()).toEqual(before);
});

test("a decoder is taken where the sizes are the same, and else left with its first values", () => {
  using given = file({ ...micro, decoder: microDecoder });
  for (const width of [8, 16]) {
    using mae = new Mae(maeConfig.parse({ decoder: { width, depth: 1, heads: 2 } }), vit());
    mae.initialize(new Rng(1, "init"));
    const before = mae.maskToken.toArray();
    expect(loadInto(mae.state(), mae.encoder, given, { positions: "resize" }).decoder).toBe(width === 8);
    expect(mae.maskToken.toArray()).toEqual(width === 8 ? made("mask_token", [1, 1, 8]) : before);
    expect(vitOf(mae).clsToken.toArray()).toEqual(made("cls_token", [1, 1, 16]));
  }
});

test("other grids: learned tables are resized, sine and cosine computed anew where that is asked for", () => {
  using learned = file();
  using encoder = vit({}, [24, 16]);
  expect(loadInto(encoder.state(), encoder, learned, { positions: "recompute" }).positions).toBe("resized");
  expect(encoder.posEmbed.toArray().slice(0, 16)).toEqual(made("pos_embed", [1, 17, 16]).slice(0, 16));
  const table = { dtype: "F32", shape: [1, 17, 16], data: new Uint8Array(sinCosPositions(16, [4, 4]).buffer) } as const;
  const entry = (name: string) => (name === "pos_embed" ? table : learned.weights.entry(name));
  const read = (name: string) => (name === "pos_embed" ? table : learned.weights.read(name));
  const fixed = { ...learned, weights: { ...learned.weights, entry, read } };
  expect(loadInto(encoder.state(), encoder, fixed, { positions: "recompute" }).positions).toBe("computed anew");
  expect(encoder.posEmbed.toArray()).toEqual(sinCosPositions(16, [6, 4]));
  expect(loadInto(encoder.state(), encoder, fixed, { positions: "resize" }).positions).toBe("resized");
  expect(encoder.posEmbed.toArray()).not.toEqual(sinCosPositions(16, [6, 4]));
});

test("the hash is that of the file; half precision is widened", () => {
  using given = file();
  expect(weightsHash(given)).toBe(createHash("sha256").update(readFileSync(given.path)).digest("hex"));
  using encoder = vit();
  const half = {
    dtype: "BF16",
    shape: [1, 1, 16],
    data: new Uint8Array(Uint16Array.from({ length: 16 }, () => 0x3fc0).buffer),
  } as const;
  const entry = (name: string) => (name === "cls_token" ? half : given.weights.entry(name));
  const read = (name: string) => (name === "cls_token" ? half : given.weights.read(name));
  loadInto(encoder.state(), encoder, { ...given, weights: { ...given.weights, entry, read } }, { positions: "resize" });
  expect([...(encoder.clsToken.toArray() as Float32Array)]).toEqual(Array.from({ length: 16 }, () => 1.5));
  expect(officialTensors(micro).size).toBe(2 + 2 + 24 + 2);
});
