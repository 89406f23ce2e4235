import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { TextTower, textConfig } from "../../../src/methods/text/tower.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { leavesNoTensors } from "../../engine/leaks.js";

leavesNoTensors();

// Its numbers are those of torch.nn.TransformerEncoder in test/methods/mixed/flip.test.ts.
test("a text's answer is its first token's; places count, other texts of the batch do not", () => {
  using tower = new TextTower(textConfig.parse({ width: 16, depth: 2, heads: 2, length: 3 }), 5);
  tower.initialize(new Rng(0, "init"));
  const of = (...rows: number[][]): Tensor =>
    tower.call(tensor(BigInt64Array.from(rows.flat(), BigInt), [rows.length, 3]));
  noGrad(() =>
    scope(() => {
      const two = of([1, 2, 3], [3, 2, 1]);
      expect(two.shape).toEqual([2, 16]);
      const [first, second, alone] = [two.slice(0, 0, 1), two.slice(0, 1, 2), of([1, 2, 3])].map((part) =>
        part.toNumbers(),
      );
      expect(first).not.toEqual(second);
      for (const [i, value] of (alone ?? []).entries()) expect(value).toBeCloseTo(first?.[i] ?? Number.NaN, 5);
    }),
  );
});
