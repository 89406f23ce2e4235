/** The 3 × 3 convolution by Winograd's products, beside libtorch's in float64; and when it is taken. */
import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { conv2d } from "../../src/tensor/functional.js";
import { gradients } from "../../src/tensor/grad.js";
import { aten, type Tensor } from "../../src/tensor/tensor.js";
import { compare, difference, leaf, normal } from "./kernel-cases.js";

const ours = (x: Tensor, weight: Tensor, bias: Tensor | null): Tensor => aten("lacuna::conv3x3", x, weight, bias);
const theirs = (x: Tensor, weight: Tensor, bias: Tensor | null): Tensor => aten("conv2d", x, weight, bias, 1, 1, 1, 1);
const channelsLast = (x: Tensor): Tensor => x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);

export function convBattery(): void {
  // Pictures, inputs, outputs, height, width: one position, odd sides, one tile, several groups of tiles, more outputs than inputs.
  test.each([
    [2, 16, 80, 1, 1],
    [3, 32, 48, 5, 7],
    [1, 64, 64, 32, 32],
    [2, 256, 128, 4, 4],
    [4, 48, 16, 13, 2],
    [40, 16, 32, 6, 5],
  ])("conv3x3 of %i pictures, %i to %i channels, %i × %i", (B, I, O, H, W) =>
    scope(() => {
      const inputs = [normal("x", B, I, H, W), normal("w", O, I, 3, 3).mul(0.1), normal("b", O)];
      const both = {
        ours: (...given: Tensor[]) => ours(...(given as [Tensor, Tensor, Tensor])),
        theirs: (...given: Tensor[]) => theirs(...(given as [Tensor, Tensor, Tensor])),
        tolerance: 1e-6,
      };
      compare({ ...both, inputs });
      compare({ ...both, inputs: [channelsLast(inputs[0] as Tensor), ...inputs.slice(1)] });
    }),
  );

  test("conv3x3 is rounded about as well as libtorch's convolution", () =>
    scope(() => {
      const [x, weight] = [normal("x", 2, 512, 8, 8), normal("w", 128, 512, 3, 3)];
      const wanted = theirs(x.to("float64"), weight.to("float64"), null);
      const [own, other] = [ours(x, weight, null), theirs(x, weight, null)].map((y) => difference(y, wanted));
      expect(own).toBeLessThan(4 * (other ?? 0));
    }));

  test("conv3x3 without a bias, and where the input wants no gradient", () =>
    scope(() => {
      const [x, weight] = [normal("x", 2, 16, 6, 6), leaf(normal("w", 32, 16, 3, 3))];
      const incoming = normal("incoming", 2, 32, 6, 6);
      const [found] = gradients([ours(x, weight, null)], [weight], [incoming]);
      const exact = leaf(weight.to("float64"));
      const [wanted] = gradients([theirs(x.to("float64"), exact, null)], [exact], [incoming.to("float64")]);
      expect(difference(found as Tensor, wanted as Tensor)).toBeLessThan(1e-6);
    }));

  test("conv3x3 repeats itself to the bit", () =>
    scope(() => {
      const [x, weight] = [leaf(normal("x", 5, 64, 9, 9)), leaf(normal("w", 64, 64, 3, 3))];
      const once = (): string => {
        const y = ours(x, weight, null);
        const made = gradients([y], [x, weight], [y.detach()]) as Tensor[];
        return JSON.stringify([y, ...made].map((each) => each.toNumbers()));
      };
      expect(once()).toBe(once());
    }));

  test("conv3x3 refuses shapes and types that do not fit", () =>
    scope(() => {
      const [x, weight] = [normal("x", 2, 16, 6, 6), normal("w", 32, 16, 3, 3)];
      expect(() => ours(x, normal("w", 32, 32, 3, 3), null)).toThrow(/expected input \[B I H W\].*\[32, 32, 3, 3\]/);
      expect(() => ours(x, normal("w", 24, 16, 3, 3), null)).toThrow(/multiples of 16/);
      expect(() => ours(x.to("float64"), weight, null)).toThrow(/expected float32/);
    }));

  test("conv2d is Winograd's where its channels and positions are many enough, and libtorch's elsewhere", () =>
    scope(() => {
      const isOurs = (x: Tensor, weight: Tensor, options = {}): boolean => {
        const plain = { stride: 1, padding: 1, groups: 1, ...options };
        const y = conv2d(leaf(x), weight, null, plain);
        return difference(y, ours(x, weight, null)) === 0;
      };
      const [x, weight] = [channelsLast(normal("x", 2, 64, 8, 8)), normal("w", 64, 64, 3, 3)];
      expect(isOurs(x, weight)).toBe(true);
      const few = channelsLast(normal("x", 1, 512, 4, 4));
      expect(isOurs(few, normal("w", 512, 512, 3, 3))).toBe(false); // the weight's way costs more than the products
      const narrow = channelsLast(normal("x", 2, 48, 8, 8));
      expect(isOurs(narrow, normal("w", 48, 48, 3, 3))).toBe(false);
      expect(conv2d(x, weight, null, { stride: 2, padding: 1 }).shape).toEqual([2, 64, 4, 4]);
      expect(conv2d(x, weight, null).shape).toEqual([2, 64, 6, 6]);
      expect(conv2d(x.to("float64"), weight.to("float64"), null, { padding: 1 }).dtype).toBe("float64");
    }));
}
