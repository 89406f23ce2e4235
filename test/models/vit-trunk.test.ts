import { describe, expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import type { ImageShape } from "../../src/models/encoder.js";
import { Vit, vitConfig } from "../../src/models/vit.js";
import { VitConvStem, vitConvStemConfig } from "../../src/models/vit-conv-stem.js";
import { loadState } from "../../src/models/weights.js";
import { cat } from "../../src/tensor/creation.js";
import { Rng } from "../../src/tensor/random.js";
import { tensor } from "../../src/tensor/tensor.js";
import { readJson, relativeDifference, withReference } from "../numbers.js";

const sizes = { width: 32, depth: 3, heads: 2, patchSize: 4 } as const;
const square = (side: number): ImageShape => ({ imageSize: [side, side], channels: 3 });
const models = {
  vit: (image: ImageShape) => new Vit(vitConfig.parse(sizes), image),
  vitConvStem: (image: ImageShape) =>
    new VitConvStem(vitConvStemConfig.parse({ ...sizes, positions: "sinCos" }), image),
};

describe.each(Object.entries(models))("behind the first layer of %s", (_name, make) => {
  test("tokens stand behind a class token, maps and features are of them, pictures of another size too", () => {
    using model = make(square(32));
    model.initialize(new Rng(0, "init"));
    scope(() => {
      const image = new Rng(1, "image").normal([2 * 3 * 32 * 32]).reshape([2, 3, 32, 32]);
      const tokens = model.call(image); // [2 1+64 32]
      expect(tokens.shape).toEqual([2, 65, 32]);
      const [stage] = model.stages(image);
      expect(stage?.map.shape).toEqual([2, 32, 8, 8]);
      expect(stage?.stride).toEqual([4, 4]);
      expect(stage?.map.flatten(2).transpose(1, 2).toArray()).toEqual(tokens.slice(1, 1).toArray());
      expect(model.features(image, "class").toArray()).toEqual(tokens.select(1, 0).toArray());
      expect(model.features(image).toArray()).toEqual(tokens.slice(1, 1).mean([1]).toArray());
      const wide = new Rng(2, "image").normal([3 * 16 * 48]).reshape([1, 3, 16, 48]);
      expect(model.call(wide).shape).toEqual([1, 1 + 4 * 12, 32]);
    });
  });

  test("features behind every block: the last are its own, and each is another", () => {
    using model = make(square(32));
    model.initialize(new Rng(0, "init"));
    scope(() => {
      const image = new Rng(1, "image").normal([2 * 3 * 32 * 32]).reshape([2, 3, 32, 32]);
      for (const pool of ["mean", "class"] as const) {
        const blocks = model.blockFeatures(image, pool);
        expect(blocks.map(({ shape }) => shape)).toEqual(Array.from({ length: model.depth }, () => [2, 32]));
        expect(blocks.at(-1)?.toArray()).toEqual(model.features(image, pool).toArray());
        expect(new Set(blocks.map((one) => JSON.stringify(one.toArray()))).size).toBe(model.depth);
      }
    });
  });

  test("its layers, from the pixels to what stands behind", () => {
    using model = make(square(32));
    const layers = [...model.state().keys()].map((name) => [
      name.split(".").slice(0, 2).join("."),
      model.layerOf(name),
    ]);
    const found = Object.fromEntries(layers);
    expect(found).toMatchObject({ cls_token: 0, pos_embed: 0, "blocks.0": 1, "blocks.2": 3, "norm.weight": 4 });
    expect(
      new Set(Object.entries(found).flatMap(([name, layer]) => (name.startsWith("patch_embed") ? [layer] : []))),
    ).toEqual(new Set([0]));
    expect(model.layerPaths).toEqual(["blocks.0", "blocks.1", "blocks.2"]);
    expect(model.attentionPaths).toEqual(["blocks.0.attn", "blocks.1.attn", "blocks.2.attn"]);
    expect(model.lastLayers(1)).toEqual([model.blocks.links[2], model.norm]);
    expect(model.lastLayers(0)).toEqual([model.norm]);
    expect(model.accepts([16, 48])).toBe(true);
    expect(model.accepts([16, 50])).toBe(false);
  });

  test("pictures that its tokens do not divide are refused with the nearest that they do", () => {
    expect(() => make(square(30))).toThrow("imageSize 30 × 30 is not a multiple of patchSize 4 × 4 (nearest: 32 × 32)");
  });
});

test("attention of the class token in the last block is that of DINO's code, on its own size and with resized positions", () => {
  const expected = readJson("attention.json") as Readonly<Record<"own" | "wide", number[]>>;
  withReference("dino-vit.safetensors", (read, file) => {
    const { model } = JSON.parse(file.metadata?.["config"] ?? "{}") as { model: object };
    using vit = new Vit(vitConfig.parse(model), square(16));
    const names = file.names.filter((name) => name.startsWith("weight/encoder."));
    const entry = (name: string) => file.entry(name);
    loadState(
      vit.state(),
      { path: file.path, names, entry, read: (name) => file.read(name) },
      { prefix: "weight/encoder." },
    );
    noGrad(() =>
      scope(() => {
        const image = read("view/global1"); // [4 3 16 16]
        const wide = cat([image.slice(0, 0, 1), image.slice(0, 0, 1)], 3); // [1 3 16 32]
        for (const [name, given, shape] of [
          ["own", image, [4, 3, 4, 4]],
          ["wide", wide, [1, 3, 4, 8]],
        ] as const) {
          const found = vit.classAttention(given);
          expect(found.shape).toEqual(shape);
          expect(relativeDifference(found, tensor(Float32Array.from(expected[name]), [...shape]))).toBeLessThan(1e-5);
        }
      }),
    );
  });
});

describe("class attention", () => {
  const make = (): Vit => {
    const model = new Vit(vitConfig.parse({ ...sizes, classAttention: 2 }), square(16));
    model.initialize(new Rng(0, "init"));
    return model;
  };
  const rng = new Rng(1, "x", 0, [0, 1]);

  test("patches do not see the class token, which takes from them whatever their order", () => {
    using model = make();
    noGrad(() =>
      scope(() => {
        const tokens = rng.normal([16, 32]); // [B N D]
        const seen = model.encode(tokens); // [B 1+N D]
        expect(seen.shape).toEqual([2, 17, 32]);
        const turned = model.encode(tokens.flip([1]));
        expect(relativeDifference(turned.slice(1, 0, 1), seen.slice(1, 0, 1))).toBeLessThan(1e-5);
        expect(relativeDifference(turned.slice(1, 1), seen.slice(1, 1).flip([1]))).toBeLessThan(1e-5);
        const patches = seen.slice(1, 1).toNumbers();
        model.clsToken.add_(1);
        for (const link of model.blocksToken?.links ?? []) link.gamma_1.add_(1);
        const other = model.encode(tokens);
        expect(other.slice(1, 1).toNumbers()).toEqual(patches);
        expect(other.select(1, 0).toNumbers()).not.toEqual(seen.select(1, 0).toNumbers());
      }),
    );
  });

  test("features, features of every block and what a classifier stands on are of the tokens that it gives", () => {
    using model = make();
    noGrad(() =>
      scope(() => {
        const image = rng.normal([3, 16, 16]);
        const tokens = model.call(image); // [B 1+N D]
        expect(model.features(image, "class").toNumbers()).toEqual(tokens.select(1, 0).toNumbers());
        expect(model.features(image).toNumbers()).toEqual(tokens.slice(1, 1).mean([1]).toNumbers());
        for (const pool of ["mean", "class"] as const) {
          const blocks = model.blockFeatures(image, pool);
          expect(blocks.map(({ shape }) => shape)).toEqual(Array(3).fill([2, 32]));
          expect(blocks.at(-1)?.toNumbers()).toEqual(model.features(image, pool).toNumbers());
        }
        const patches = model.unnormed(image); // [B D]
        model.clsToken.add_(1);
        expect(model.unnormed(image).toNumbers()).toEqual(patches.toNumbers());
        const weights = model.classAttention(image); // [B H h w]
        expect(weights.shape).toEqual([2, 2, 4, 4]);
        const taken = weights.sum([2, 3]); // less than 1: some is the class token's own
        expect(taken.amax([]).item()).toBeLessThan(1);
        expect(taken.amin([]).item()).toBeGreaterThan(0.5);
      }),
    );
  });

  test("its blocks stand behind the others, with a row in the sizes that a checkpoint must agree in", () => {
    using model = make();
    expect(model.sizes).toMatchObject({ depth: 3, classAttention: 2 });
    expect(model.layerOf("blocks_token.0.norm1.weight")).toBe(4);
    expect(model.lastLayers(1)).toEqual([model.blocks.links[2], ...(model.blocksToken?.links ?? []), model.norm]);
    expect(model.attentionPaths).toBeUndefined();
    using plain = new Vit(vitConfig.parse(sizes), square(16));
    expect(plain.sizes).not.toHaveProperty("classAttention");
    const relative = vitConfig.parse({ ...sizes, classAttention: 2, relativePositions: "shared" });
    expect(() => new Vit(relative, square(16))).toThrow(/model\.classAttention[\s\S]*relative positions/);
  });
});
