import { expect, test } from "vitest";
import type { OpName } from "../../src/engine/dispatch.js";
import { schemas } from "../../src/engine/ops.js";
import { record } from "../../src/engine/record.js";
import { readSchema } from "../../src/engine/schema.js";
import { scope } from "../../src/engine/scope.js";
import { operations } from "../../src/graph/operations.js";
import { empty } from "../../src/tensor/creation.js";
import { aten, type Tensor } from "../../src/tensor/tensor.js";

const meta = (...shape: number[]): Tensor => empty(shape, { device: "meta" });

function multiplyAdds(body: () => unknown): number {
  const { recording } = scope(() => ({ recording: record(() => void body()).recording }));
  return recording.steps.reduce((sum, step) => sum + (operations[step.op as OpName].multiplyAdds?.(step) ?? 0), 0);
}

test("multiply-adds as one counts by hand", () => {
  expect(multiplyAdds(() => aten("einsum", "bij,bjk->bik", [meta(2, 3, 4), meta(2, 4, 5)]))).toBe(2 * 3 * 4 * 5);
  expect(multiplyAdds(() => aten("bmm", meta(2, 3, 4), meta(2, 4, 5)))).toBe(2 * 3 * 4 * 5);
  expect(multiplyAdds(() => aten("baddbmm", meta(2, 3, 5), meta(2, 3, 4), meta(2, 4, 5)))).toBe(2 * 3 * 4 * 5);
  expect(multiplyAdds(() => aten("addmm", meta(5), meta(3, 4), meta(4, 5)))).toBe(3 * 4 * 5);
  const depthwise = () => aten("conv2d", meta(1, 8, 6, 6), meta(8, 1, 3, 3), null, 1, 1, 1, 8); // [1 8 6 6]
  expect(multiplyAdds(depthwise)).toBe(8 * 36 * 9);
  const heads = () => aten("scaled_dot_product_attention", meta(1, 2, 7, 4), meta(1, 2, 9, 4), meta(1, 2, 9, 4));
  expect(multiplyAdds(heads)).toBe(2 * (2 * 7 * 9 * 4));
  expect(multiplyAdds(() => meta(8, 8).add(1).softmax(-1))).toBe(0);
});

test("what is kept are tensors that the operation is given", () => {
  for (const schema of schemas) {
    const { name, kinds } = readSchema(schema);
    const tensors = kinds.filter((kind) => kind === "tensor" || kind === "tensors").length;
    const several = kinds.includes("tensors") ? 1 : 0;
    for (const keep of operations[name as OpName].keeps)
      if (typeof keep === "number") expect(keep, name).toBeLessThan(tensors + several);
  }
});
