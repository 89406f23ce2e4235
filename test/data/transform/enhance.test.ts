import { expect, test } from "vitest";
import type { Picture } from "../../../src/data/resample.js";
import { brightness, contrast, grayscale, hue, saturation, sharpness } from "../../../src/data/transform/enhance.js";
import { picture } from "../transform-numbers.js";
import { digest, inputOf, numbers } from "./augment-numbers.js";

const kinds = { brightness, contrast, saturation, hue, sharpness, grayscale };

test.each(Object.entries(kinds))("%s equals Pillow's and torchvision's, every byte", (kind, apply) => {
  const cases = numbers.enhancements.filter((stored) => stored.kind === kind);
  expect(cases.length).toBeGreaterThan(4);
  for (const stored of cases) {
    const { input, amount, sha256 } = stored;
    expect(digest(apply(inputOf(stored), amount)), `${kind} ${amount} of ${input.join(" ")}`).toBe(sha256);
  }
});

/** Every 4th value of each channel, as make_augment.py has them. */
function colourCube(): Picture {
  const levels = Array.from({ length: 65 }, (_, i) => Math.min(255, 4 * i));
  const data = Uint8Array.from(levels.flatMap((r) => levels.flatMap((g) => levels.flatMap((b) => [r, g, b]))));
  return { data, height: 65, width: 65 * 65, channels: 3 };
}

test("274,625 colours through hue and saturation", () => {
  const cube = colourCube();
  for (const { kind, amount, sha256 } of numbers.colours)
    expect(digest(kinds[kind](cube, amount)), `${kind} ${amount}`).toBe(sha256);
});

test("the input stays as it was, and pictures too thin to be smoothed are left alone", () => {
  for (const apply of Object.values(kinds)) {
    const input = picture(6, 5, 3, 1);
    apply(input, 0.3);
    expect(input.data).toEqual(picture(6, 5, 3, 1).data);
  }
  const thin = picture(2, 9, 3, 2);
  expect(sharpness(thin, 1.7).data).toEqual(thin.data);
});
