import { describe, expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { type TokenEncoder, tokenEncoder } from "../../src/models/encoder.js";
import { modelConfig, models } from "../../src/models/index.js";
import { onDevice } from "../../src/nn/parameter.js";
import { arange } from "../../src/tensor/creation.js";
import { backward } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import { smallEncoder } from "../methods/small.js";
import { relativeDifference } from "../numbers.js";

/** What is in the list gets all of these by being there. */
const image = { imageSize: [16, 8], channels: 3 } as const;
const pictures = () => new Rng(1, "x", 0, [0, 1, 2]).normal([3, 16, 8]); // [3 3 16 8]

describe.each(models.names())("%s", (name) => {
  test("one vector an image by every pooling, at any batch size, each image for itself", () => {
    using encoder = smallEncoder(name, image);
    encoder.initialize(new Rng(0, "init"));
    noGrad(() =>
      scope(() => {
        const images = pictures();
        for (const pool of encoder.pools) {
          const all = encoder.features(images, pool);
          expect(all.shape).toEqual([3, encoder.width]);
          const two = encoder.features(images.slice(0, 1, 2), pool);
          expect(
            two
              .sub(all.slice(0, 1, 2))
              .abs()
              .amax([])
              .item(),
          ).toBeLessThan(1e-5);
        }
      }),
    );
  });

  test("maps cover the picture at their strides, the last at the encoder's", () => {
    using encoder = smallEncoder(name, image);
    encoder.initialize(new Rng(0, "init"));
    expect(encoder.accepts(image.imageSize)).toBe(true);
    noGrad(() =>
      scope(() => {
        const maps = encoder.stages(pictures());
        for (const { map, stride } of maps) expect([map.side(2) * stride[0], map.side(3) * stride[1]]).toEqual([16, 8]);
        expect(maps.at(-1)?.stride).toEqual(encoder.stride);
        expect(maps.at(-1)?.map.side(1)).toBe(encoder.width);
      }),
    );
  });

  test("every parameter has a layer from 0 to depth + 1, all of which but the ends have some; the last layers are those", () => {
    using encoder = smallEncoder(name, image);
    const { depth } = encoder;
    const layers = new Map([...encoder.state().keys()].map((key) => [key, encoder.layerOf(key)]));
    const found = new Set(layers.values());
    for (let layer = 1; layer <= depth; layer++) expect(found).toContain(layer);
    expect(Math.max(...found)).toBeLessThanOrEqual(depth + 1);
    expect(Math.min(...found)).toBeGreaterThanOrEqual(0);
    for (let count = 1; count <= depth; count++) {
      const parts = new Set(encoder.lastLayers(count).flatMap((part) => [...part.state().values()]));
      const names = [...encoder.state()].flatMap(([key, parameter]) => (parts.has(parameter) ? [key] : []));
      expect(names).toEqual([...layers].flatMap(([key, layer]) => (layer > depth - count ? [key] : [])));
    }
  });

  test("layers computed again in backward give the same gradients", () => {
    using encoder = smallEncoder(name, image);
    encoder.initialize(new Rng(0, "init"));
    encoder.setTraining(true);
    const [kept, again] = [false, true].map((on) =>
      scope(() => {
        encoder.setCheckpointing(on);
        const features = encoder.features(pictures());
        backward(features.mul(features).sum());
        const gradients = encoder
          .parameters()
          .map(({ name: key, tensor }) => [key, tensor.grad?.norm().item()] as const);
        for (const { tensor } of encoder.parameters()) tensor.grad = undefined;
        return gradients;
      }),
    );
    for (const [i, [key, norm]] of (kept ?? []).entries()) {
      expect(norm, key).toBeDefined();
      expect(again?.[i]?.[1], key).toBeCloseTo(norm as number, 4);
    }
  });
});

const withTokens = models.names().filter((name) => {
  using encoder = onDevice("meta", () => smallEncoder(name, image));
  return tokenEncoder.is(encoder);
});

test.each(withTokens)(
  "%s puts tokens in place: nothing of a hidden patch is seen, nor the token where none is hidden",
  (name) => {
    const encoder = smallEncoder(name, image) as TokenEncoder;
    using _ = encoder;
    encoder.initialize(new Rng(0, "init"));
    noGrad(() =>
      scope(() => {
        const [p, q] = encoder.patchSize;
        const [h, w] = [16 / p, 8 / q];
        const token = new Rng(7, "token").normal([1, 1, encoder.tokenWidth]).reshape([1, 1, encoder.tokenWidth]);
        const hidden = arange(0, 3 * h * w)
          .mul(0.37)
          .sin()
          .gt(0)
          .reshape([3, h * w]); // some of each picture
        const covered = hidden.reshape([3, 1, h, 1, w, 1]).expand([3, 3, h, p, w, q]).reshape([3, 3, 16, 8]);
        const others = new Rng(2, "x", 0, [0, 1, 2]).normal([3, 16, 8]).mul(100);
        const map = encoder.encodeReplaced(pictures(), hidden, token);
        expect(map.shape).toEqual(encoder.stages(pictures()).at(-1)?.map.shape);
        const seen = encoder.encodeReplaced(others.where(covered, pictures()), hidden, token);
        expect(seen.toNumbers()).toEqual(map.toNumbers());
        expect(encoder.encodeReplaced(pictures(), hidden, token.add(1)).toNumbers()).not.toEqual(map.toNumbers());
        const none = encoder.encodeReplaced(pictures(), hidden.logicalAnd(hidden.logicalNot()), token);
        expect(relativeDifference(none.mean([2, 3]), encoder.features(pictures()))).toBeLessThan(1e-6);
        expect(() => encoder.encodeReplaced(pictures(), hidden.slice(1, 1), token)).toThrow(
          `a mask of [3 ${h * w - 1}] does not fit 3 pictures of ${h} × ${w} patches.`,
        );
      }),
    );
  },
);

test("an unknown backbone names the known ones", () => {
  expect(() => modelConfig.parse({ name: "no such model" })).toThrow(/vit/);
});
