import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { divergenceFromUniform, gumbelSoftmax, perplexity } from "../../../../src/methods/parts/tokenizers/gumbel.js";
import { tensor } from "../../../../src/tensor/tensor.js";

const logits = () => tensor(Float32Array.of(1, 2, 0.5), [1, 3, 1]);

/** Worked out by hand: logits (1, 2, ½), noise (0.3, −0.2, 1.1). */
test.each([
  [1, [0.25009, 0.41233, 0.33758]],
  [0.5, [0.18049, 0.49063, 0.32888]],
  [1 / 16, [0.00032, 0.96052, 0.03915]],
])("the relaxation at temperature %d", (temperature, expected) => {
  scope(() => {
    const u = tensor(
      Float32Array.from([0.3, -0.2, 1.1], (g) => Math.exp(-Math.exp(-g))),
      [1, 3, 1],
    );
    const share = gumbelSoftmax(logits(), u, temperature).toNumbers();
    for (const [i, value] of expected.entries()) expect(share[i]).toBeCloseTo(value, 4);
  });
});

test("noise of zero and nearly one is a number still", () => {
  scope(() => {
    const u = tensor(Float32Array.of(0, 1 - 2 ** -24, 0.5), [1, 3, 1]);
    const share = gumbelSoftmax(logits(), u, 1).toNumbers();
    expect(share.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 6);
    expect(share[0]).toBeLessThan(share[1] as number);
  });
});

test("the divergence from a uniform choice, and how many tokens are used", () => {
  scope(() => {
    expect(divergenceFromUniform(logits()).item()).toBeCloseTo(0.192653, 5);
    expect(divergenceFromUniform(tensor(new Float32Array(8), [1, 4, 2])).item()).toBeCloseTo(0, 6);
    const tokens = tensor(BigInt64Array.of(0n, 3n, 3n, 0n), [2, 2]);
    expect(perplexity(tokens, 9).item()).toBeCloseTo(2, 5);
    expect(perplexity(tensor(BigInt64Array.of(5n, 5n), [1, 2]), 9).item()).toBeCloseTo(1, 6);
  });
});
