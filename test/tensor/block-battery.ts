/** A whole Transformer block as one operator, beside ATen's operations in float64. */
import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { gradients } from "../../src/tensor/grad.js";
import { aten, type Tensor } from "../../src/tensor/tensor.js";
import { compare, leaf, normal, writtenOut } from "./kernel-cases.js";

export function blockBattery(): void {
  /** Parameters of a block in the order of the operation, D its width and M that of the hidden layer. */
  function parametersOf(D: number, M: number): Tensor[] {
    const layers = [
      ["norm1", D],
      ["qkv", 3 * D, D],
      ["proj", D, D],
      ["norm2", D],
      ["fc1", M, D],
      ["fc2", D, M],
    ] as const;
    return layers.flatMap(([name, rows, columns]) => [
      columns === undefined ? normal(name, rows).add(1) : normal(name, rows, columns).mul(columns ** -0.5),
      normal(`${name} bias`, rows),
    ]);
  }

  function writtenOutBlock(x: Tensor, parameters: readonly Tensor[], heads: number): Tensor {
    const at = (i: number): Tensor => parameters[i] as Tensor;
    const norm = (y: Tensor, i: number): Tensor => aten("layer_norm", y, [y.side(-1)], at(i), at(i + 1), 1e-6);
    const linear = (y: Tensor, i: number): Tensor => aten("linear", y, at(i), at(i + 1));
    const between = x.add(linear(writtenOut(linear(norm(x, 0), 2), heads), 4));
    return between.add(linear(aten("gelu", linear(norm(between, 6), 8), { approximate: "none" }), 10));
  }

  type Parameters = [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const run = (x: Tensor, parameters: readonly Tensor[], heads: number): Tensor =>
    aten("lacuna::block", x, ...(parameters as Parameters), heads, 1e-6);

  // Pictures, tokens, width, heads, hidden width: one row, rows that threads share unevenly, a hidden layer of any ratio.
  test.each([
    [2, 17, 192, 3, 768],
    [5, 50, 64, 2, 96],
    [1, 1, 16, 1, 16],
    [3, 197, 128, 8, 512],
  ])("a block of %i × %i tokens of %i, %i heads, hidden width %i", (B, N, D, heads, M) =>
    scope(() => {
      compare({
        ours: (x, ...rest) => run(x as Tensor, rest, heads),
        theirs: (x, ...rest) => writtenOutBlock(x as Tensor, rest, heads),
        inputs: [normal("x", B, N, D), ...parametersOf(D, M)],
        tolerance: 2e-6,
        gradientTolerances: Array.from({ length: 13 }, () => 5e-6),
      });
    }),
  );

  test("a block whose matrices are frozen gives the other gradients, and repeats to the bit", () =>
    scope(() => {
      const [x, parameters] = [leaf(normal("x", 4, 33, 64)), parametersOf(64, 128)];
      const vectors = parameters.filter(({ rank }) => rank === 1).map(leaf);
      const mixed = (): Tensor[] => {
        const left = [...vectors];
        return parameters.map((each) => (each.rank === 1 ? (left.shift() as Tensor) : each));
      };
      const once = (): Tensor[] =>
        gradients([run(x, mixed(), 2)], [x, ...vectors], [normal("incoming", 4, 33, 64)]) as Tensor[];
      const all = parameters.map(leaf);
      const whole = gradients(
        [run(x, all, 2)],
        [x, ...all.filter(({ rank }) => rank === 1)],
        [normal("incoming", 4, 33, 64)],
      );
      const [first, second] = [once(), once()];
      for (const [i, gradient] of first.entries()) {
        expect(gradient.toArray()).toEqual(second[i]?.toArray());
        expect(gradient.toArray()).toEqual(whole[i]?.toArray());
      }
    }));

  test("a block refuses heads and weights that do not fit", () =>
    scope(() => {
      const [x, parameters] = [normal("x", 1, 4, 32), parametersOf(32, 64)];
      expect(() => run(x, parameters, 3)).toThrow(
        /expected float32 \[B N H·d\], d a multiple of 16, got .* for 3 heads/,
      );
      expect(() => run(x, parametersOf(32, 40), 2)).toThrow(/hidden width that is a multiple of 16, got 40/);
      expect(() => run(x, parameters.with(2, normal("w", 32, 32)), 2)).toThrow(/weights of \[96, 32\], got/);
    }));
}
