import { expect, test } from "vitest";
import { rotate, shearX, shearY, translateX, translateY } from "../../../src/data/transform/affine.js";
import { picture } from "../transform-numbers.js";
import { digest, inputOf, numbers } from "./augment-numbers.js";

const fillOf = (channels: number): number[] => (channels === 3 ? [124, 116, 104] : [117]);

/** In timm's list: 3 rotates up to 30°, 11 and 12 shear up to 0.3, 13 and 14 move by up to 0.45. */
test.each([
  [3, 30, rotate],
  [11, 0.3, shearX],
  [12, 0.3, shearY],
  [13, 0.45, translateX],
  [14, 0.45, translateY],
] as const)("operation %i equals Pillow's affine transform, every byte", (operation, most, apply) => {
  const cases = numbers.operations.filter((stored) => stored.operation === operation);
  expect(cases.length).toBeGreaterThan(40);
  for (const stored of cases) {
    const { magnitude, sign, input, sha256 } = stored;
    const result = apply(inputOf(stored), sign * (magnitude / 10) * most, fillOf(input[2]));
    expect(digest(result), `${sign * magnitude} of ${input.join(" ")}`).toBe(sha256);
  }
});

test("any number of channels; a whole turn is no turn", () => {
  const many = picture(8, 9, 5, 3);
  const turned = rotate(many, 20, [1, 2, 3, 4, 5]);
  expect(turned).toMatchObject({ height: 8, width: 9, channels: 5 });
  expect([...turned.data.subarray(0, 5)]).toEqual([1, 2, 3, 4, 5]);
  expect(rotate(many, 720, [0, 0, 0, 0, 0])).toBe(many);
});
