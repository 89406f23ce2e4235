import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { linearAlignment, occlusionInvariance } from "../../../src/evaluate/features/occlusion.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { Rng } from "../../../src/tensor/random.js";
import { aten, type Tensor } from "../../../src/tensor/tensor.js";
import { smallEncoder } from "../../methods/small.js";

const rows = (name: string, count: number, width: number): Tensor =>
  new Rng(
    0,
    name,
    0,
    Array.from({ length: count }, (_, i) => i),
  ).normal([width]);
const image = { imageSize: [16, 16], channels: 3 } as const;

test("alignment is 1 with itself, turned, scaled or moved; about D / n for what has nothing to do with it", () => {
  scope(() => {
    const a = rows("a", 2000, 6);
    const [, axes] = aten("linalg_eigh", rows("axes", 6, 6).matmul(rows("axes", 6, 6).transpose(0, 1))); // [6 6], orthonormal
    expect(linearAlignment(a, a)).toBeCloseTo(1, 5);
    expect(linearAlignment(a, a.matmul(axes).mul(3).add(7))).toBeCloseTo(1, 4);
    expect(linearAlignment(a, rows("b", 2000, 6))).toBeLessThan(0.01);
    expect(linearAlignment(a, a.add(rows("b", 2000, 6)))).toBeGreaterThan(0.3);
  });
});

test("with nothing hidden features stay as they are, whatever the encoder; where a block looks around they change with what is hidden", () => {
  using encoder = smallEncoder("vit", image);
  encoder.initialize(new Rng(1, "init"));
  noGrad(() =>
    scope(() => {
      const images = new Rng(2, "x", 0, [0, 1, 2, 3]).normal([3, 16, 16]);
      const found = occlusionInvariance(encoder, images, { ratios: [0, 0.5, 0.9] });
      expect(found.map(({ ratio }) => ratio)).toEqual([0, 0.5, 0.9]);
      expect(found[0]?.cosine).toBeCloseTo(1, 5);
      expect(found[0]?.alignment).toBeCloseTo(1, 5);
      const [, half, most] = found.map(({ cosine }) => cosine) as [number, number, number];
      expect(half).toBeLessThan(0.9999);
      expect(most).toBeLessThan(half);
      expect(occlusionInvariance(encoder, images, { ratios: [0, 0.5, 0.9] })).toEqual(found);
    }),
  );
});

test("an encoder whose patches do not see each other does not mind what is hidden", () => {
  using encoder = new Vit(vitConfig.parse({ width: 32, depth: 1, heads: 2, patchSize: 4 }), image);
  encoder.initialize(new Rng(1, "init"));
  for (const { attn } of encoder.blocks.links) attn.proj.weight.setBytes(new Float32Array(32 * 32));
  scope(() => {
    const images = new Rng(2, "x", 0, [0, 1]).normal([3, 16, 16]);
    for (const { cosine, alignment } of occlusionInvariance(encoder, images)) {
      expect(cosine).toBeCloseTo(1, 5);
      expect(alignment).toBeCloseTo(1, 4);
    }
  });
});

test("an encoder without patches, and a ratio that leaves none, are refused", () => {
  using resnet = smallEncoder("resnet", image);
  using vit = smallEncoder("vit", image);
  vit.initialize(new Rng(1, "init"));
  scope(() => {
    const images = new Rng(2, "x", 0, [0]).normal([3, 16, 16]);
    expect(() => occlusionInvariance(resnet, images)).toThrow("expected an encoder of patches");
    expect(() => occlusionInvariance(vit, images, { ratios: [0.99] })).toThrow("leaves none of 16 patches");
    expect(() => occlusionInvariance(vit, images, { ratios: [-1] })).toThrow("leaves none of 16 patches");
  });
});
