import fc from "fast-check";
import { expect, test } from "vitest";
import { KeyedRandom } from "../../../src/data/random.js";
import { apply } from "../../../src/data/transform.js";
import { fromRgba, prepared } from "../../src/picture/prepare.js";

test("resized and cut as evaluation does, to the bit", () => {
  const side = fc.integer({ min: 1, max: 60 });
  fc.assert(
    fc.property(side, side, fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 24 }), (height, width, h, w) => {
      const random = new KeyedRandom({ seed: height * 61 + width, purpose: "noise", epoch: 0, sample: 0 });
      const data = Uint8Array.from({ length: height * width * 3 }, () => random.word() & 255);
      const picture = { data, height, width, channels: 3 };
      const steps = [
        { type: "resize", size: Math.max(h, w) },
        { type: "centerCrop", size: [h, w] },
      ] as const;
      expect(prepared(picture, { height: h, width: w })).toEqual(apply(steps, picture, random));
    }),
    { numRuns: 60, seed: 1 },
  );
});

test("a canvas's pixels lie on white, grey is Rec. 601's luma", () => {
  const rgba = { data: Uint8ClampedArray.of(255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255, 128), height: 1, width: 3 };
  expect(Array.from(fromRgba(rgba, 3).data)).toEqual([255, 0, 0, 255, 255, 255, 127, 127, 255]);
  expect(Array.from(fromRgba(rgba, 1).data)).toEqual([76, 255, 142]);
});
