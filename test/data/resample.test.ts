import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resampleNatively } from "../../src/data/resample/native-passes.js";
import { resamplePlane } from "../../src/data/resample/passes.js";
import { crop, type Picture, resample } from "../../src/data/resample.js";
import { expectStored, numbers, picture } from "./transform-numbers.js";

describe("equal to Pillow to the bit", () => {
  test.each(numbers.resize)("resize $input -> $size", (stored) => {
    const [height, width] = stored.size;
    expectStored(resample(picture(...stored.input), { height, width }), stored);
  });

  test.each(numbers.box)("resize $input with box $box", (stored) => {
    const [left, top, right, bottom] = stored.box;
    const [height, width] = stored.size;
    expectStored(resample(picture(...stored.input), { height, width, box: { left, top, right, bottom } }), stored);
  });

  test.each(numbers.resizedCrop)("crop $region, then resize $input -> $size", (stored) => {
    const [top, left, h, w] = stored.region;
    const [height, width] = stored.size;
    const region = { top, left, height: h, width: w };
    expectStored(resample(picture(...stored.input), { height, width, crop: region }), stored);
  });
});

describe("bilinear and Lanczos are Pillow's to the bit, whoever makes the passes", () => {
  test.each(numbers.filter)("$interpolation $input with box $box -> $size", (stored) => {
    const { interpolation, size, box } = stored;
    const [left, top, right, bottom] = box ?? [0, 0, stored.input[1], stored.input[0]];
    for (const passes of [undefined, resampleNatively, resamplePlane]) {
      const options = { height: size[0], width: size[1], interpolation, box: { left, top, right, bottom } };
      expectStored(resample(picture(...stored.input), passes ? { ...options, passes } : options), stored);
    }
  });
});

const anyPicture = fc
  .record({
    height: fc.integer({ min: 1, max: 70 }),
    width: fc.integer({ min: 1, max: 70 }),
    channels: fc.constantFrom(1, 3, 4),
    seed: fc.nat(),
  })
  .map(({ height, width, channels, seed }) => picture(height, width, channels, seed));
const anySide = fc.integer({ min: 1, max: 80 });

describe("properties", () => {
  test("a flat picture stays flat, at any size", () => {
    fc.assert(
      fc.property(
        anySide,
        anySide,
        anySide,
        anySide,
        fc.integer({ min: 0, max: 255 }),
        (h, w, height, width, level) => {
          const flat: Picture = { data: new Uint8Array(h * w * 3).fill(level), height: h, width: w, channels: 3 };
          const result = resample(flat, { height, width });
          expect(result.data.length).toBe(height * width * 3);
          expect(result.data.every((value) => value === level)).toBe(true);
        },
      ),
      { seed: 1, numRuns: 100 },
    );
  });

  test("a fused crop equals crop, then resize; and the input is untouched", () => {
    fc.assert(
      fc.property(anyPicture, anySide, anySide, fc.nat(), (source, height, width, where) => {
        const before = source.data.slice();
        const top = where % source.height;
        const left = where % source.width;
        const region = { top, left, height: source.height - top, width: Math.max(1, (source.width - left) >> 1) };
        const fused = resample(source, { height, width, crop: region });
        const stepwise = resample(crop(source, region), { height, width });
        expect(Buffer.compare(fused.data, stepwise.data)).toBe(0);
        expect(Buffer.compare(source.data, before)).toBe(0);
      }),
      { seed: 2, numRuns: 150 },
    );
  });

  test("channels do not mix", () => {
    fc.assert(
      fc.property(anyPicture, anySide, anySide, (source, height, width) => {
        const whole = resample(source, { height, width });
        for (let channel = 0; channel < source.channels; channel++) {
          const plane = (from: Picture): Uint8Array => from.data.filter((_, i) => i % from.channels === channel);
          const alone = resample({ ...source, data: plane(source), channels: 1 }, { height, width });
          expect(Buffer.compare(alone.data, plane(whole))).toBe(0);
        }
      }),
      { seed: 3, numRuns: 60 },
    );
  });
});

test("a result owns its bytes: a later call does not change it", () => {
  const first = resample(picture(30, 40, 3, 1), { height: 16, width: 16 });
  const copy = first.data.slice();
  resample(picture(40, 30, 3, 2), { height: 16, width: 16 });
  expect(Buffer.compare(first.data, copy)).toBe(0);
});

test("misuse says what was expected and what came", () => {
  const source = picture(4, 5, 3, 0);
  expect(() => resample(source, { height: 0, width: 3 })).toThrow("whole sides of at least 1 pixel, got 0 × 3");
  expect(() => resample(source, { height: 2, width: 2, crop: { top: 1, left: 0, height: 4, width: 5 } })).toThrow(
    "a window inside 4 × 5, got 4 × 5 at row 1, column 0",
  );
});
