import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyedRandom } from "../../src/data/random.js";
import { crop } from "../../src/data/resample.js";
import { gaussianBlur } from "../../src/data/transform/blur.js";
import { grayscale } from "../../src/data/transform/enhance.js";
import { solarize } from "../../src/data/transform/tone.js";
import { apply, centerCrop, drawCrop, flip, reflectPadCrop } from "../../src/data/transform.js";
import { sizeAfter, type TransformInput, transformSchema } from "../../src/data/views.js";
import { expectStored, numbers, picture } from "./transform-numbers.js";

function random(sample = 0, seed = 0): KeyedRandom {
  return new KeyedRandom({ seed, purpose: "view:test", epoch: 0, sample });
}

test("a crop with a flip behind it is the crop, then flipped, and takes the same numbers", () => {
  const steps: TransformInput = [{ type: "randomResizedCrop", size: [9, 7] }, { type: "flip" }];
  const source = picture(23, 31, 3, 4);
  const flips = Array.from({ length: 12 }, (_, sample) => {
    const [both, first] = [random(sample), random(sample)];
    const made = apply(transformSchema.parse(steps), source, both);
    const cut = apply(transformSchema.parse(steps.slice(0, 1)), source, first);
    const turned = first.uniform() < 0.5;
    expect(made).toEqual(turned ? flip(cut) : cut);
    expect(both.uniform()).toBe(first.uniform());
    return turned;
  });
  expect(new Set(flips).size).toBe(2);
});

describe("the same pixels as torchvision for the same parameters, to the bit", () => {
  test.each(numbers.shorterSide)("resize $input, shorter side $shorter", (stored) => {
    const transform = transformSchema.parse([{ type: "resize", size: stored.shorter }]);
    const source = picture(...stored.input);
    const result = apply(transform, source, random());
    expectStored(result, stored);
    expect(sizeAfter(transform, source)).toEqual({ height: result.height, width: result.width });
  });
  test.each(numbers.filter.filter(({ box }) => box === undefined))("$interpolation, $input -> $size", (stored) => {
    const { size, interpolation } = stored;
    const whole = { scale: [1, 1], ratio: [0.001, 1000] } as const;
    const resized = transformSchema.parse([{ type: "resize", size, interpolation }]);
    expectStored(apply(resized, picture(...stored.input), random()), stored);
    const [height, width] = stored.input;
    if (height !== width) return; // a crop of the whole area is certain to be the whole where both sides are alike
    const square = transformSchema.parse([{ type: "randomResizedCrop", size, interpolation, ...whole, ratio: [1, 1] }]);
    expectStored(apply(square, picture(...stored.input), random()), stored);
  });
  test.each(numbers.centerCrop)("centerCrop $input -> $size", (stored) => {
    expectStored(centerCrop(picture(...stored.input), { height: stored.size[0], width: stored.size[1] }), stored);
  });
  test.each(numbers.reflectPadCrop)("reflectPadCrop $input padding $padding at $place", (stored) => {
    expectStored(reflectPadCrop(picture(...stored.input), stored.padding, ...stored.place), stored);
  });
  test.each(numbers.flip)("flip $input", (stored) => expectStored(flip(picture(...stored.input)), stored));
});

describe("RandomResizedCrop draws as torchvision does", () => {
  test.each(numbers.fallback)(
    "falls back to the middle of $size for ratios $ratio",
    ({ size, scale, ratio, region }) => {
      const [top, left, height, width] = region;
      for (let sample = 0; sample < 20; sample++) {
        const drawn = drawCrop({ height: size[0], width: size[1] }, { scale, ratio }, random(sample));
        expect(drawn).toEqual({ top, left, height, width });
      }
    },
  );

  const DRAWS = 20000;
  test.each(numbers.distribution)("distribution on $size, scale $scale, ratio $ratio", (expected) => {
    const [h, w] = expected.size;
    const { scale, ratio } = expected;
    const measures: Record<string, number[]> = { height: [], width: [], area: [], logRatio: [], top: [], left: [] };
    for (let sample = 0; sample < DRAWS; sample++) {
      const box = drawCrop({ height: h, width: w }, { scale, ratio }, random(sample, 7));
      measures["height"]?.push(box.height);
      measures["width"]?.push(box.width);
      measures["area"]?.push((box.height * box.width) / (h * w));
      measures["logRatio"]?.push(Math.log(box.width / box.height));
      measures["top"]?.push(h > box.height ? box.top / Math.max(h - box.height, 1) : 0);
      measures["left"]?.push(w > box.width ? box.left / Math.max(w - box.width, 1) : 0);
    }
    for (const [name, values] of Object.entries(measures)) {
      expected.quantiles[name]?.forEach((quantile, i) => {
        // The script counts up to the rounded quantile plus 1e-5 too: many draws share a value (whole window, fallback).
        const share = values.filter((value) => value <= quantile + 1e-5).length / DRAWS;
        const theirs = expected.atMost[name]?.[i] as number;
        // Four standard errors of the difference of 20,000 draws and torchvision's 40,000, at most 0.0173.
        const error = Math.sqrt(theirs * (1 - theirs) * (1 / DRAWS + 1 / 40000)) + 1e-4;
        expect(Math.abs(share - theirs), `${name} at ${quantile}`).toBeLessThan(4 * error);
      });
    }
  });
});

describe("drawn places", () => {
  test("shiftedCrop is the window at every place down and right of the corner alike, and at the corner where nothing shifts", () => {
    const source = picture(6, 7, 1, 3);
    const at = (top: number, left: number): string =>
      Buffer.from(
        [0, 1, 2, 3].flatMap((y) =>
          [0, 1, 2, 3].map((x) => source.data[(top + y) * source.width + left + x] as number),
        ),
      ).toString("hex");
    const step = { type: "shiftedCrop", size: [4, 4] } as const;
    const [still, shifted] = [transformSchema.parse([step]), transformSchema.parse([{ ...step, shift: 2 }])];
    const taken = (transform: typeof still, sample: number): string =>
      Buffer.from(apply(transform, source, random(sample)).data).toString("hex");
    const seen = new Map<string, number>();
    for (let sample = 0; sample < 4500; sample++) {
      const window = taken(shifted, sample);
      seen.set(window, (seen.get(window) ?? 0) + 1);
      if (sample < 20) expect(taken(still, sample)).toBe(at(0, 0));
    }
    expect([...seen.keys()].sort()).toEqual([0, 1, 2].flatMap((y) => [0, 1, 2].map((x) => at(y, x))).sort());
    // 500 expected a place, standard deviation 21.
    for (const count of seen.values()) expect(Math.abs(count - 500)).toBeLessThan(90);
    const farther = transformSchema.parse([{ ...step, shift: 3 }]);
    expect(() => apply(farther, source, random())).toThrow(/shifted by up to 3 pixels does not fit into 7 × 6 pixels/);
  });
  test("reflectPadCrop reaches every place alike", () => {
    const transform = transformSchema.parse([{ type: "reflectPadCrop", padding: 1 }]);
    const source = picture(6, 6, 1, 3);
    const seen = new Map<string, number>();
    for (let sample = 0; sample < 4500; sample++) {
      const key = Buffer.from(apply(transform, source, random(sample)).data).toString("hex");
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect(seen.size).toBe(9);
    // 500 expected a place, standard deviation 21.
    for (const count of seen.values()) expect(Math.abs(count - 500)).toBeLessThan(90);
  });

  test("flip comes with its probability, and 0 and 1 are certain", () => {
    const source = picture(3, 4, 3, 1);
    const flips = (probability: number): number => {
      const transform = transformSchema.parse([{ type: "flip", probability }]);
      let count = 0;
      for (let sample = 0; sample < 2000; sample++) {
        if (apply(transform, source, random(sample)) !== source) count++;
      }
      return count;
    };
    expect(flips(0)).toBe(0);
    expect(flips(1)).toBe(2000);
    expect(Math.abs(flips(0.3) - 600)).toBeLessThan(80);
  });
});

const anyStep = fc.oneof(
  fc.record({
    type: fc.constant("randomResizedCrop" as const),
    size: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })),
    scale: fc.constantFrom<[number, number]>([0.08, 1], [0.2, 1], [1, 1], [0.001, 0.002]),
  }),
  fc.record({ type: fc.constant("reflectPadCrop" as const), padding: fc.integer({ min: 0, max: 9 }) }),
  fc.record({ type: fc.constant("flip" as const) }),
  fc.record({
    type: fc.constant("resize" as const),
    size: fc.oneof(
      fc.integer({ min: 1, max: 24 }),
      fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })),
    ),
  }),
  fc.record({
    type: fc.constant("centerCrop" as const),
    size: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })),
  }),
  fc.record({ type: fc.constant("randAugment" as const), probability: fc.constant(1) }),
  fc.record({
    type: fc.constant("colorJitter" as const),
    brightness: fc.constant(0.8),
    contrast: fc.constant(0.8),
    saturation: fc.constant(0.8),
    hue: fc.constant(0.2),
  }),
  fc.record({ type: fc.constantFrom("grayscale" as const, "gaussianBlur" as const, "solarize" as const) }),
);

const anySize = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 })),
  fc.constantFrom<[number, number]>([1, 1], [1, 900], [900, 1], [2, 700], [3, 1]),
);

test("any steps on any size: the stated size, the same bytes again, the input untouched", () => {
  fc.assert(
    fc.property(anySize, fc.array(anyStep, { maxLength: 4 }), fc.nat(), ([height, width], steps, sample) => {
      const transform = transformSchema.parse(steps as TransformInput);
      const source = picture(height, width, 3, sample);
      const before = source.data.slice();
      const result = apply(transform, source, random(sample));
      expect({ height: result.height, width: result.width }).toEqual(sizeAfter(transform, { height, width }));
      expect(result.data.length).toBe(result.height * result.width * 3);
      expect(Buffer.compare(apply(transform, source, random(sample)).data, result.data)).toBe(0);
      expect(Buffer.compare(source.data, before)).toBe(0);
    }),
    { seed: 4, numRuns: 200 },
  );
});

test("a step is done with its probability, and then as its own function does it", () => {
  const source = picture(9, 11, 3, 1);
  const after = (step: object, sample = 0) =>
    apply(transformSchema.parse([step] as TransformInput), source, random(sample));
  expect(after({ type: "solarize", threshold: 100, probability: 1 }).data).toEqual(solarize(source, 100).data);
  expect(after({ type: "grayscale", probability: 1 }).data).toEqual(grayscale(source).data);
  const blurred = after({ type: "gaussianBlur", sigma: [1.5, 1.5], probability: 1 });
  expect(blurred.data).toEqual(gaussianBlur(source, 1.5).data);
  for (const type of ["colorJitter", "grayscale", "gaussianBlur", "solarize"]) {
    expect(after({ type, probability: 0 })).toBe(source);
    const strengths = type === "colorJitter" ? { brightness: 0.5 } : {};
    const samples = Array.from({ length: 200 }, (_, sample) => sample);
    const done = samples.filter((sample) => after({ type, probability: 0.3, ...strengths }, sample) !== source);
    expect(Math.abs(done.length - 60)).toBeLessThan(30); // the deviation is 6.5
  }
});

test("a drawn window always lies inside, even for a line of pixels", () => {
  fc.assert(
    fc.property(anySize, fc.nat(), ([height, width], sample) => {
      const region = drawCrop({ height, width }, { scale: [0.001, 1], ratio: [0.2, 6] }, random(sample));
      crop(picture(height, width, 1, 0), region); // throws outside
    }),
    { seed: 5 },
  );
});

test("reflection is what a person expects of a mirror", () => {
  const row = { data: Uint8Array.of(1, 2, 3), height: 1, width: 3, channels: 1 };
  expect(Array.from(reflectPadCrop(row, 2, 2, 0).data)).toEqual([3, 2, 1]);
  expect(Array.from(reflectPadCrop(row, 2, 2, 4).data)).toEqual([3, 2, 1]);
});
