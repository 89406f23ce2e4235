import { describe, expect, expectTypeOf, test } from "vitest";
import {
  resolveViews,
  roundHalfEven,
  shorterSideSize,
  sizeAfter,
  type TransformStep,
  transformSchema,
  unfitStep,
  type ViewSpecInput,
} from "../../src/data/views.js";

test("defaults are torchvision's, and the result can be written down and read back", () => {
  const transform = transformSchema.parse([
    { type: "randomResizedCrop", size: [224, 192] },
    { type: "flip" },
    { type: "reflectPadCrop", padding: 4 },
    { type: "resize", size: 256 },
    { type: "centerCrop", size: [224, 224] },
  ]);
  expect(transform[0]).toEqual({
    type: "randomResizedCrop",
    size: [224, 192],
    scale: [0.08, 1],
    ratio: [3 / 4, 4 / 3],
  });
  expect(transform[1]).toEqual({ type: "flip", probability: 0.5 });
  expect(transformSchema.parse(JSON.parse(JSON.stringify(transform)))).toEqual(transform);
  expectTypeOf<TransformStep["type"]>().toEqualTypeOf<
    | "randomResizedCrop"
    | "flip"
    | "reflectPadCrop"
    | "resize"
    | "centerCrop"
    | "shiftedCrop"
    | "randAugment"
    | "colorJitter"
    | "grayscale"
    | "gaussianBlur"
    | "solarize"
  >();
});

test("the defaults of colour steps: timm's RandAugment, no jitter, the blur and the chances of MoCo v2 and BYOL", () => {
  const types = ["randAugment", "colorJitter", "grayscale", "gaussianBlur", "solarize"] as const;
  expect(transformSchema.parse(types.map((type) => ({ type })))).toEqual([
    {
      type: "randAugment",
      magnitude: 9,
      deviation: 0.5,
      operations: 2,
      probability: 0.5,
      fill: [124, 116, 104],
    },
    { type: "colorJitter", brightness: 0, contrast: 0, saturation: 0, hue: 0, probability: 1 },
    { type: "grayscale", probability: 0.2 },
    { type: "gaussianBlur", sigma: [0.1, 2], probability: 0.5 },
    { type: "solarize", threshold: 128, probability: 0.2 },
  ]);
});

test("steps that speak of colours are for grey and RGB pictures", () => {
  const transform = transformSchema.parse([{ type: "gaussianBlur" }, { type: "colorJitter" }, { type: "randAugment" }]);
  expect([1, 3].map((channels) => unfitStep(transform, channels))).toEqual([undefined, undefined]);
  expect([2, 4, 12].map((channels) => unfitStep(transform, channels))).toEqual(Array(3).fill("colorJitter"));
  expect(unfitStep(transform.slice(0, 1), 12)).toBeUndefined();
});

describe("refused", () => {
  test.each([
    [{ type: "randomResizedCrop", size: [224, 224], scale: [1, 0.2] }],
    [{ type: "randomResizedCrop", size: [224, 224], scale: [0, 1] }],
    [{ type: "randomResizedCrop", size: [224] }],
    [{ type: "randomResizedCrop", size: [224, 0] }],
    [{ type: "flip", probability: 1.5 }],
    [{ type: "flip", probabilty: 0.5 }],
    [{ type: "resize", size: 2.5 }],
    [{ type: "reflectPadCrop", padding: -1 }],
    [{ type: "rotate" }],
    [{ type: "randAugment", magnitude: 11 }],
    [{ type: "colorJitter", hue: 0.6 }],
    [{ type: "gaussianBlur", sigma: [2, 1] }],
  ])("%j", (step) => {
    expect(transformSchema.safeParse([step]).success).toBe(false);
  });
});

test("a misspelt key is named", () => {
  const result = transformSchema.safeParse([{ type: "flip", probabilty: 0.5 }]);
  expect(result.error?.message).toContain("probabilty");
});

describe("sizeAfter", () => {
  const size = { height: 32, width: 48 };
  const resulting = (steps: unknown, input: typeof size | undefined): unknown =>
    sizeAfter(transformSchema.parse(steps), input);
  test("keeps the size where nothing changes it", () => {
    expect(resulting([], size)).toEqual(size);
    expect(resulting([{ type: "flip" }, { type: "reflectPadCrop", padding: 4 }], size)).toEqual(size);
  });
  test("is unknown for pictures of any size without a step that fixes it", () => {
    expect(resulting([{ type: "flip" }, { type: "resize", size: 20 }], undefined)).toBeUndefined();
    expect(
      resulting(
        [
          { type: "resize", size: 20 },
          { type: "centerCrop", size: [16, 18] },
        ],
        undefined,
      ),
    ).toEqual({ height: 16, width: 18 });
  });
  test("follows the shorter side", () => {
    expect(resulting([{ type: "resize", size: 20 }], size)).toEqual({ height: 20, width: 30 });
    expect(shorterSideSize({ height: 500, width: 333 }, 256)).toEqual({ height: 384, width: 256 });
  });
});

describe("resolveViews", () => {
  const crop = (side: number): ViewSpecInput => [{ type: "randomResizedCrop", size: [side, side] }];
  const half = [{ type: "resize", size: 8 }] as const;

  test("a view by itself draws its own numbers; another may share them, or start from the other's result", () => {
    const views = {
      image: crop(32),
      small: { transform: crop(16), key: "image" },
      half: { transform: half, of: "small" },
    };
    const resolved = resolveViews(views as Record<string, ViewSpecInput>, undefined);
    expect(resolved.map(({ name, key, of, size }) => [name, key, of, size?.height, size?.width])).toEqual([
      ["image", "image", undefined, 32, 32],
      ["small", "image", undefined, 16, 16],
      ["half", "half", 1, 8, 8],
    ]);
  });

  test("a key of a view that shares one is the first one's", () => {
    const views: Record<string, ViewSpecInput> = {
      a: [],
      b: { transform: [], key: "a" },
      c: { transform: [], key: "b" },
    };
    expect(resolveViews(views, undefined).map(({ key }) => key)).toEqual(["a", "a", "a"]);
  });

  test.each([
    [{ a: { transform: [], of: "b" }, b: [] }, "views.a.of: expected no name, since no view is listed before, got b"],
    [{ a: [], b: { transform: [], key: "b" } }, "views.b.key: expected a view listed before it (a), got b"],
    [{ a: [], b: { transform: [], of: "image" } }, "views.b.of: expected a view listed before it (a), got image"],
  ])("%j is refused", (views, message) => {
    expect(() => resolveViews(views as Record<string, ViewSpecInput>, undefined)).toThrow(message);
  });

  test("a misspelt key is named, of a step and of a view", () => {
    const step = [{ type: "flip", probabilty: 1 }] as unknown as ViewSpecInput;
    expect(() => resolveViews({ image: step }, undefined)).toThrow("probabilty");
    const view = { transform: [], off: "image" } as unknown as ViewSpecInput;
    expect(() => resolveViews({ image: view }, undefined)).toThrow("off");
  });
});

test("halves round to even, as in Python", () => {
  expect([0.5, 1.5, 2.5, 3.5, 2.4, 2.6, -1.5].map(roundHalfEven)).toEqual([0, 2, 2, 4, 2, 3, -2]);
});
