import { expect, test } from "vitest";
import { gaussianBlur } from "../../../src/data/transform/blur.js";
import { picture } from "../transform-numbers.js";
import { digest, inputOf, numbers } from "./augment-numbers.js";

test("equals Pillow's GaussianBlur, every byte, also where the box is wider than the picture", () => {
  const cases = numbers.enhancements.filter(({ kind }) => kind === "blur");
  expect(cases.length).toBeGreaterThan(20);
  for (const stored of cases) {
    const { amount, input, sha256 } = stored;
    expect(digest(gaussianBlur(inputOf(stored), amount)), `${amount} of ${input.join(" ")}`).toBe(sha256);
  }
});

test("any number of channels, each for itself; the input stays as it was", () => {
  const many = picture(9, 8, 5, 3);
  const before = many.data.slice();
  const blurred = gaussianBlur(many, 1.3);
  expect(many.data).toEqual(before);
  for (let c = 0; c < 5; c++) {
    const channel = (data: Uint8Array): Uint8Array => data.filter((_, i) => i % 5 === c);
    const alone = gaussianBlur({ data: channel(many.data), height: 9, width: 8, channels: 1 }, 1.3);
    expect(channel(blurred.data)).toEqual(alone.data);
  }
});
