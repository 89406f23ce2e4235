import { expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import type { SafetensorsFile } from "../../src/formats/safetensors.js";
import { cost } from "../../src/graph/cost.js";
import { buildEncoder, modelConfig } from "../../src/models/index.js";
import { Vit, vitConfig, vitSizes } from "../../src/models/vit.js";
import { loadState } from "../../src/models/weights.js";
import { onDevice } from "../../src/nn/parameter.js";
import { resizePositions } from "../../src/nn/positions.js";
import { empty } from "../../src/tensor/creation.js";
import { take } from "../../src/tensor/functional.js";
import { backward } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { relativeDifference, withReference } from "../numbers.js";

test("timm's ViT: tokens after the final norm and pooled features for the same weights, on a picture that is not square", () => {
  withReference("vit-small.safetensors", (read, file) => {
    const shape = JSON.parse(file.metadata?.["config"] ?? "{}") as {
      embed_dim: number;
      depth: number;
      num_heads: number;
      patch_size: number;
    };
    using vit = new Vit(
      vitConfig.parse({
        width: shape.embed_dim,
        depth: shape.depth,
        heads: shape.num_heads,
        patchSize: shape.patch_size,
      }),
      {
        imageSize: [24, 32],
        channels: 3,
      },
    );
    const names = file.names.filter((name) => name.startsWith("weight/"));
    loadState(
      vit.state(),
      { path: file.path, names, entry: (name) => file.entry(name), read: (name) => file.read(name) },
      { prefix: "weight/" },
    );
    noGrad(() =>
      scope(() => {
        expect(relativeDifference(vit.call(read("image")), read("tokens"))).toBeLessThan(1e-5);
        expect(relativeDifference(vit.features(read("image")), read("features"))).toBeLessThan(1e-5);
      }),
    );
  });
});

/** ViT, table 1, without the head; positions count. */
test.each([
  ["tiny", 16, 5_524_416],
  ["small", 16, 21_665_664],
  ["base", 16, 85_798_656],
  ["large", 16, 303_301_632],
  ["huge", 14, 630_764_800],
] as const)("ViT-%s/%i has the published number of parameters, none allocated", (size, patchSize, parameters) => {
  const config = vitConfig.parse({ size, patchSize });
  const found = cost(
    () => new Vit(config, { imageSize: [224, 224], channels: 3 }),
    (vit) => vit.call(empty([1, 3, 224, 224], { device: "meta" })),
  );
  expect(found.parameters).toBe(parameters);
});

test("ViT-B/16 at 224 px takes 17.56 G multiply-adds", () => {
  const found = cost(
    () => new Vit(vitConfig.parse({ size: "base" }), { imageSize: [224, 224], channels: 3 }),
    (vit) => vit.call(empty([1, 3, 224, 224], { device: "meta" })),
  );
  expect(found.multiplyAdds / 1e9).toBeCloseTo(17.56, 2);
});

test("without positions the order of the patches does not matter; with them it does", () => {
  using vit = new Vit(vitConfig.parse({ width: 16, depth: 2, heads: 2, patchSize: 4 }), {
    imageSize: [8, 8],
    channels: 1,
  });
  vit.initialize(new Rng(0, "init"));
  const apart = (): number =>
    noGrad(() =>
      scope(() => {
        const image = new Rng(1, "x").normal([1, 8, 8]);
        return relativeDifference(
          vit.features(image.flip([2])),
          vit.features(image.roll([4], [2]).roll([4], [2]).flip([2]).roll([4], [2])),
        );
      }),
    );
  expect(apart()).toBeGreaterThan(1e-4);
  const table = vit.posEmbed as Tensor;
  table.setBytes(new Float32Array(table.size));
  expect(apart()).toBeLessThan(1e-5);
});

test("sizes that do not divide name the nearest that do", () => {
  expect(() => new Vit(vitConfig.parse({}), { imageSize: [225, 224], channels: 3 })).toThrow(
    "imageSize 225 × 224 is not a multiple of patchSize 16 × 16 (nearest: 224 × 224).",
  );
  expect(() => new Vit(vitConfig.parse({ width: 30, heads: 3 }), { imageSize: [224, 224], channels: 3 })).toThrow(
    "a width that 4 divides, got 30",
  );
});

test("a size by name, each number open to change, patches of any aspect, any channels", () => {
  expect(vitSizes.base).toEqual({ width: 768, depth: 12, heads: 12 });
  using vit = buildEncoder(modelConfig.parse({ name: "vit", size: "tiny", depth: 2, patchSize: [8, 4] }), {
    imageSize: [16, 16],
    channels: 1,
  }) as Vit;
  expect([vit.width, vit.heads, vit.grid, vit.patches]).toEqual([192, 3, [2, 4], 8]);
  expect(vit.patchEmbed.proj.weight.shape).toEqual([192, 1, 8, 4]);
});

/** Nothing is allocated; 448 px is what the paper's best ViT-H is fine-tuned at. */
test.each([
  [[32, 32], 4, 1, 64],
  [[448, 448], 14, 3, 1024],
  [[64, 448], [16, 32], 4, 56],
  [[96, 36], [8, 12], 12, 36],
] as const)("%j pixels in patches %j with %i channels are %i tokens", (imageSize, patchSize, channels, patches) => {
  const config = vitConfig.parse({ size: "tiny", depth: 1, patchSize });
  const found = cost(
    () => new Vit(config, { imageSize, channels }),
    (vit) => {
      expect([vit.patches, vit.posEmbed?.shape[1]]).toEqual([patches, 1 + patches]);
      const tokens = vit.call(empty([2, channels, ...imageSize], { device: "meta" }));
      expect(tokens.shape).toEqual([2, 1 + patches, 192]);
      return tokens;
    },
  );
  const [p, q] = typeof patchSize === "number" ? [patchSize, patchSize] : patchSize;
  const block = 12 * 192 * 192 + 13 * 192; // weights and biases of projections and MLP, and two norms
  expect(found.parameters).toBe(block + channels * p * q * 192 + 192 + 192 + (1 + patches) * 192 + 2 * 192);
});

test.each([
  ["cls_token", 0],
  ["pos_embed", 0],
  ["patch_embed.proj.bias", 0],
  ["blocks.0.norm1.weight", 1],
  ["blocks.11.mlp.fc2.bias", 12],
  ["norm.weight", 13],
  ["head.weight", 13],
])("%s stands in layer %d of twelve blocks (BEiT, MAE: util/lr_decay.py)", (name, layer) => {
  using vit = onDevice("meta", () => new Vit(vitConfig.parse({ size: "tiny" }), { imageSize: [32, 32], channels: 3 }));
  expect(vit.layerOf(name)).toBe(layer);
});

test("pictures of another size take a resized table, as the official fine-tuning resizes it; others are refused", () => {
  const config = vitConfig.parse({ width: 16, depth: 1, heads: 2, patchSize: 4 });
  const image = (size: number): Tensor => new Rng(1, "image").normal([3, size, size]);
  using small = new Vit(config, { imageSize: [16, 16], channels: 3 });
  using large = new Vit(config, { imageSize: [24, 24], channels: 3 });
  small.initialize(new Rng(0, "init"));
  large.initialize(new Rng(0, "init"));
  noGrad(() =>
    scope(() => {
      (large.posEmbed as Tensor).copy_(resizePositions(small.posEmbed as Tensor, [4, 4], [6, 6]));
      expect(small.features(image(24)).toNumbers()).toEqual(large.features(image(24)).toNumbers());
      expect(small.features(image(24), "class").toNumbers()).toEqual(small.call(image(24)).select(1, 0).toNumbers());
      const [level] = small.stages(image(24));
      expect([level?.map.shape, level?.stride]).toEqual([
        [1, 16, 6, 6],
        [4, 4],
      ]);
      expect(
        level?.map
          .flatten(2)
          .mean([2])
          .sub(small.features(image(24)))
          .abs()
          .amax([])
          .item(),
      ).toBeLessThan(1e-6);
    }),
  );
  expect([small.accepts([24, 16]), small.accepts([26, 16])]).toEqual([true, false]);
});

test("learned positions: drawn at first, trained, and trained through pictures of another size", () => {
  const config = { width: 16, depth: 1, heads: 2, patchSize: 4, positions: "learned", positionOffset: 0.1 };
  using vit = new Vit(vitConfig.parse(config), { imageSize: [16, 16], channels: 3 });
  vit.initialize(new Rng(0, "init"));
  const table = vit.posEmbed as Tensor;
  expect(table.requiresGrad).toBe(true);
  scope(() => expect(table.detach().std([0, 1, 2]).item()).toBeCloseTo(0.02, 2));
  scope(() => {
    backward(
      vit
        .call(new Rng(1, "image", 0, [0]).normal([3, 8, 12]))
        .mul(new Rng(2, "w", 0, [0]).normal([7, 16]))
        .sum(),
    );
    const reached = (table.grad as Tensor).abs().sum([2]); // [1 17]
    expect(reached.toNumbers().every((value) => value > 0)).toBe(true);
    table.grad = undefined;
  });
  using fixed = new Vit(vitConfig.parse({ ...config, positions: "sinCos" }), { imageSize: [16, 16], channels: 3 });
  expect(fixed.posEmbed?.requiresGrad).toBe(false);
});

/** @returns timm's BEiT of test/reference/make_beit_vit.py, and its configuration here */
function beitOf(file: SafetensorsFile): Vit {
  const shape = JSON.parse(file.metadata?.["config"] ?? "{}") as BeitShape;
  const config = vitConfig.parse({
    ...{ width: shape.width, depth: shape.depth, heads: shape.heads, patchSize: shape.patch, keyBias: false },
    positions: shape.absolute ? "learned" : "none",
    relativePositions: shape.shared ? "shared" : "perBlock",
    layerScale: shape.layer_scale ?? undefined,
  });
  const vit = new Vit(config, { imageSize: shape.size, channels: 3 });
  const names = file.names.filter((name) => name.startsWith("weight/"));
  const source = {
    path: file.path,
    names,
    entry: (name: string) => file.entry(name),
    read: (n: string) => file.read(n),
  };
  loadState(vit.state(), source, { prefix: "weight/" });
  return vit;
}
interface BeitShape {
  readonly shared: boolean;
  readonly absolute: boolean;
  readonly layer_scale: number | null;
  readonly size: [number, number];
  readonly patch: number;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
}

test.each(["vit-shared", "vit-per-block"])("%s: timm's BEiT, tokens and every gradient", (name) => {
  withReference(`${name}.safetensors`, (read, file) => {
    using vit = beitOf(file);
    for (const checkpointing of [false, true])
      scope(() => {
        vit.setCheckpointing(checkpointing);
        const tokens = vit.call(read("image")); // [2 13 16]
        expect(relativeDifference(tokens, read("tokens"))).toBeLessThan(1e-5);
        backward(tokens.mul(read("weighting")).sum());
        const gradients = file.names.filter((key) => key.startsWith("grad/"));
        expect(gradients.map((key) => key.slice(5)).sort()).toEqual(
          vit
            .parameters()
            .map((one) => one.name)
            .sort(),
        );
        for (const { name: key, tensor } of vit.parameters()) {
          expect(relativeDifference(tensor.grad as Tensor, read(`grad/${key}`)), key).toBeLessThan(1e-5);
          tensor.grad = undefined;
        }
      });
  });
});

/** The official pre-training models (microsoft/unilm, beit) without their heads of 8192 and mask tokens. */
test.each([
  ["base", { positions: "none", relativePositions: "shared", layerScale: 0.1 }, 85_666_128 - 768],
  ["large", { positions: "none", relativePositions: "shared", layerScale: 1e-5 }, 303_137_216 - 1024],
  ["base", { positions: "learned" }, 85_790_208 - 768],
] as const)("BEiT-%s has the official number of parameters with %j", (size, options, parameters) => {
  const found = cost(
    () => new Vit(vitConfig.parse({ size, keyBias: false, ...options }), { imageSize: [224, 224], channels: 3 }),
    (vit) => vit.call(empty([1, 3, 224, 224], { device: "meta" })),
  );
  expect(found.parameters).toBe(parameters);
});

test("relative positions are of pictures of one size, and all layers are judged with them", () => {
  const options = { positions: "none", relativePositions: "shared", layerScale: 0.1, keyBias: false };
  const config = vitConfig.parse({ width: 16, depth: 2, heads: 2, patchSize: 4, ...options });
  using vit = new Vit(config, { imageSize: [16, 16], channels: 3 });
  vit.initialize(new Rng(0, "init"));
  expect([vit.accepts([16, 16]), vit.accepts([16, 24]), vit.needsEveryPatch]).toEqual([true, false, true]);
  expect(vit.sizes).toMatchObject(options);
  expect(vit.layerOf("rel_pos_bias.relative_position_bias_table")).toBe(3);
  scope(() => {
    const table = vit.relPosBias?.relativePositionBiasTable as Tensor;
    noGrad(() => table.copy_(new Rng(1, "table").normal([...table.shape]).reshape(table.shape)));
    const image = new Rng(2, "image", 0, [0, 1]).normal([3, 16, 16]);
    expect(vit.blockFeatures(image).at(-1)?.toArray()).toEqual(vit.features(image).toArray());
    const attended = vit.classAttention(image); // [2 2 4 4]
    noGrad(() => table.mul_(0));
    expect(relativeDifference(vit.classAttention(image), attended)).toBeGreaterThan(1e-2);
  });
});

test.each([
  [{ positions: "none" }, false],
  [{ positions: "none", classAttention: 1 }, false],
  [{ positions: "sinCos" }, true],
])(
  "%o: what is in a context is encoded as if there were nothing else; a ViT says whether it has positions",
  (changes, has) => {
    using vit = new Vit(vitConfig.parse({ width: 32, depth: 2, heads: 2, patchSize: 4, ...changes }), {
      imageSize: [16, 16],
      channels: 3,
    });
    vit.initialize(new Rng(0, "init"));
    expect(vit.hasPositions).toBe(has);
    noGrad(() =>
      scope(() => {
        const tokens = new Rng(1, "tokens", 0, [0, 1]).normal([16, 32]); // [2 16 32]
        const context = tensor(BigInt64Array.from([3n, 11n, 0n, 7n, 8n, 15n]), [2, 3]);
        const patches = (encoded: Tensor): Tensor => encoded.slice(1, 1);
        const alone = patches(vit.encode(take(tokens, context)));
        const among = patches(vit.encode(tokens, context));
        expect(among.shape).toEqual([2, 16, 32]);
        expect(relativeDifference(take(among, context), alone)).toBeLessThan(1e-5);
      }),
    );
  },
);
