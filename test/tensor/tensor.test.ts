import { describe, expect, test } from "vitest";
import { ShapeError } from "../../src/engine/errors.js";
import { scope } from "../../src/engine/scope.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "../engine/leaks.js";

const floats = (values: number[], shape = [values.length]): Tensor => tensor(Float32Array.from(values), shape);
const index = (values: number[], shape = [values.length]): Tensor => tensor(BigInt64Array.from(values, BigInt), shape);
const yes = (values: number[]): Tensor => tensor(Uint8Array.from(values), [values.length], { dtype: "bool" });

const v = (): Tensor => floats([1, -2, 3]);
const m = (): Tensor => floats([1, 2, 3, 4, 5, 6], [2, 3]);

/** Method, what it gives, and the shape where that is not the values' length. The kernels are compared with PyTorch in
 * test/engine/ops.test.ts; here each method must hand its arguments to the right operation in the right order. */
const cases: [string, () => Tensor, number[], number[]?][] = [
  ["add a tensor", () => v().add(floats([10])), [11, 8, 13]],
  ["add a number", () => v().add(1), [2, -1, 4]],
  ["sub a tensor", () => v().sub(floats([1, 1, 1])), [0, -3, 2]],
  ["sub a number", () => v().sub(1), [0, -3, 2]],
  ["rsub", () => v().rsub(10), [9, 12, 7]],
  ["mul a tensor", () => v().mul(v()), [1, 4, 9]],
  ["mul a number", () => v().mul(2), [2, -4, 6]],
  ["div a tensor", () => v().div(floats([2, 2, 2])), [0.5, -1, 1.5]],
  ["div a number", () => v().div(4), [0.25, -0.5, 0.75]],
  ["pow", () => v().pow(2), [1, 4, 9]],
  ["neg", () => v().neg(), [-1, 2, -3]],
  ["exp", () => v().exp(), [1, -2, 3].map(Math.exp)],
  ["log", () => floats([1, 2]).log(), [0, Math.LN2]],
  ["log1p", () => floats([0, 1]).log1p(), [0, Math.LN2]],
  ["sqrt", () => floats([4, 9]).sqrt(), [2, 3]],
  ["rsqrt", () => floats([4, 16]).rsqrt(), [0.5, 0.25]],
  ["reciprocal", () => floats([4, -2]).reciprocal(), [0.25, -0.5]],
  ["abs", () => v().abs(), [1, 2, 3]],
  ["sign", () => v().sign(), [1, -1, 1]],
  ["floor", () => v().mul(0.6).floor(), [0, -2, 1]],
  ["sin", () => v().sin(), [1, -2, 3].map(Math.sin)],
  ["cos", () => v().cos(), [1, -2, 3].map(Math.cos)],
  ["tanh", () => v().tanh(), [1, -2, 3].map(Math.tanh)],
  ["sigmoid", () => v().sigmoid(), [1, -2, 3].map((x) => 1 / (1 + Math.exp(-x)))],
  ["relu", () => v().relu(), [1, 0, 3]],
  ["silu", () => v().silu(), [1, -2, 3].map((x) => x / (1 + Math.exp(-x)))],
  ["isFinite", () => floats([1, Number.NaN, Number.POSITIVE_INFINITY]).isFinite(), [1, 0, 0]],
  ["clamp both sides", () => v().clamp(-1, 2), [1, -1, 2]],
  ["clamp from below", () => v().clamp(0), [1, 0, 3]],
  ["clamp from above", () => v().clamp(null, 0), [0, -2, 0]],
  ["maximum", () => v().maximum(floats([0, 0, 9])), [1, 0, 9]],
  ["minimum", () => v().minimum(floats([0, 0, 9])), [0, -2, 3]],
  ["matmul", () => m().matmul(floats([1, 0, 0, 1, 0, 0], [3, 2])), [1, 2, 4, 5], [2, 2]],
  [
    "bmm",
    () =>
      m()
        .unsqueeze(0)
        .bmm(floats([1, 1, 1], [1, 3, 1])),
    [6, 15],
    [1, 2, 1],
  ],
  ["sum", () => m().sum(), [21], []],
  ["sum over a dimension", () => m().sum([0]), [5, 7, 9]],
  ["sum that keeps it", () => m().sum([1], true), [6, 15], [2, 1]],
  ["mean", () => m().mean(), [3.5], []],
  ["mean over a dimension", () => m().mean([1]), [2, 5]],
  ["mean that keeps it", () => m().mean([0], true), [2.5, 3.5, 4.5], [1, 3]],
  ["var", () => m().var([1]), [1, 1]],
  ["var without correction", () => m().var([1], 0, true), [2 / 3, 2 / 3], [2, 1]],
  ["std", () => m().std([0]), [4.5, 4.5, 4.5].map(Math.sqrt)],
  ["std without correction", () => m().std([0], 0), [1.5, 1.5, 1.5]],
  ["amax", () => m().amax([0]), [4, 5, 6]],
  ["amin", () => m().amin([1], true), [1, 4], [2, 1]],
  ["argmax", () => m().argmax(1), [2, 2]],
  ["argmax that keeps it", () => m().argmax(0, true), [1, 1, 1], [1, 3]],
  ["topk values", () => v().topk(2)[0], [3, 1]],
  ["topk places", () => v().topk(2)[1], [2, 0]],
  ["topk of the smallest", () => m().topk(1, 0, false)[0], [1, 2, 3], [1, 3]],
  ["argsort", () => v().argsort(), [1, 0, 2]],
  ["argsort downwards", () => v().argsort(0, true), [2, 0, 1]],
  ["argsort of ties", () => floats([1, 0, 1, 0]).argsort(-1, true), [0, 2, 1, 3]],
  ["cumsum", () => m().cumsum(1), [1, 3, 6, 4, 9, 15], [2, 3]],
  ["norm", () => floats([3, 4], [2, 1]).norm(), [5], []],
  ["softmax", () => floats([0, 0, 5, 5], [2, 2]).softmax(1), [0.5, 0.5, 0.5, 0.5], [2, 2]],
  ["logSoftmax", () => floats([0, 0, 5, 5], [2, 2]).logSoftmax(1), new Array(4).fill(-Math.LN2), [2, 2]],
  ["logsumexp", () => floats([0, 0, 5, 5], [2, 2]).logsumexp(1, true), [Math.LN2, 5 + Math.LN2], [2, 1]],
  ["all", () => yes([1, 0]).all(), [0], []],
  ["any", () => yes([1, 0]).any(), [1], []],
  ["gather", () => m().gather(1, index([2, 0], [2, 1])), [3, 4], [2, 1]],
  ["scatter", () => v().scatter(0, index([2, 0]), floats([7, 8])), [8, -2, 7]],
  ["scatterAdd", () => v().scatterAdd(0, index([2, 2]), floats([7, 8])), [1, -2, 18]],
  ["indexSelect", () => m().indexSelect(1, index([2, 2, 0])), [3, 3, 1, 6, 6, 4], [2, 3]],
  ["where", () => v().where(yes([1, 0, 1]), floats([0])), [1, 0, 3]],
  ["maskedFill", () => v().maskedFill(yes([1, 0, 1]), 9), [9, -2, 9]],
  ["slice", () => v().slice(0, 1), [-2, 3]],
  ["slice to an end, by steps", () => m().slice(1, 0, 3, 2), [1, 3, 4, 6], [2, 2]],
  ["select", () => m().select(1, -1), [3, 6]],
  ["split", () => m().split(2, 1)[1] as Tensor, [3, 6], [2, 1]],
  ["unbind", () => m().unbind(0)[1] as Tensor, [4, 5, 6]],
  ["reshape", () => m().reshape([3, -1]), [1, 2, 3, 4, 5, 6], [3, 2]],
  ["permute", () => m().permute([1, 0]), [1, 4, 2, 5, 3, 6], [3, 2]],
  ["transpose", () => m().transpose(0, -1), [1, 4, 2, 5, 3, 6], [3, 2]],
  ["unsqueeze", () => v().unsqueeze(-1), [1, -2, 3], [3, 1]],
  ["squeeze", () => floats([1, 2], [1, 2]).squeeze(0), [1, 2]],
  ["expand", () => floats([1, 2], [2, 1]).expand([-1, 2]), [1, 1, 2, 2], [2, 2]],
  ["repeat", () => floats([1, 2]).repeat([2]), [1, 2, 1, 2]],
  ["flatten", () => m().flatten(), [1, 2, 3, 4, 5, 6]],
  ["flatten a part", () => m().unsqueeze(0).flatten(0, 1), [1, 2, 3, 4, 5, 6], [2, 3]],
  ["flip", () => m().flip([1]), [3, 2, 1, 6, 5, 4], [2, 3]],
  ["roll", () => m().roll([1, 0], [1, 0]), [3, 1, 2, 6, 4, 5], [2, 3]],
  ["contiguous", () => m().transpose(0, 1).contiguous(), [1, 4, 2, 5, 3, 6], [3, 2]],
  ["clone", () => v().clone(), [1, -2, 3]],
  ["detach", () => v().setRequiresGrad(true).detach(), [1, -2, 3]],
  ["to", () => floats([1.9, -1.9]).to("int64"), [1, -1]],
  ["toDevice", () => v().toDevice("cpu"), [1, -2, 3]],
  ["float", () => index([3]).float(), [3]],
  ["eq", () => v().eq(floats([1, 1, 3])), [1, 0, 1]],
  ["eq a number", () => v().eq(3), [0, 0, 1]],
  ["ne", () => v().ne(3), [1, 1, 0]],
  ["lt", () => v().lt(floats([2, -2, 4])), [1, 0, 1]],
  ["lt a number", () => v().lt(1), [0, 1, 0]],
  ["le", () => v().le(1), [1, 1, 0]],
  ["gt", () => v().gt(floats([0, -2, 4])), [1, 0, 0]],
  ["gt a number", () => v().gt(1), [0, 0, 1]],
  ["ge", () => v().ge(1), [1, 0, 1]],
  ["logicalAnd", () => yes([1, 1, 0]).logicalAnd(yes([1, 0, 0])), [1, 0, 0]],
  ["logicalOr", () => yes([1, 1, 0]).logicalOr(yes([1, 0, 0])), [1, 1, 0]],
  ["logicalNot", () => yes([1, 0]).logicalNot(), [0, 1]],
  ["copy_", () => v().copy_(floats([7])), [7, 7, 7]],
  ["zero_", () => v().zero_(), [0, 0, 0]],
  ["fill_", () => v().fill_(4), [4, 4, 4]],
  ["add_ a tensor", () => v().add_(floats([10]), 2), [21, 18, 23]],
  ["add_ a number", () => v().add_(10, 2), [21, 18, 23]],
  ["mul_ a tensor", () => v().mul_(v()), [1, 4, 9]],
  ["mul_ a number", () => v().mul_(2), [2, -4, 6]],
];

describe("Tensor", () => {
  leavesNoTensors();

  test.each(cases)("%s", (_, make, expected, shape) =>
    scope(() => {
      const made = make();
      expect(made.shape).toEqual(shape ?? [expected.length]);
      made.toNumbers().forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i] as number, 5);
      });
    }),
  );

  test("every method has a line", () => {
    const named = new Set(cases.map(([title]) => title.split(" ")[0]));
    const elsewhere = ["constructor", "side", "item", "toArray", "toNumbers", "toBytes", "setBytes", "setRequiresGrad"];
    const prototype = Object.getPrototypeOf(scopeless());
    const methods = Object.entries(Object.getOwnPropertyDescriptors(prototype))
      .filter(([, { value }]) => typeof value === "function")
      .map(([name]) => name);
    expect(methods.filter((name) => !named.has(name) && !elsewhere.includes(name))).toEqual([]);
  });

  test("shape, rank, size and sides", () =>
    scope(() => {
      const x = m().unsqueeze(0);
      expect([x.shape, x.rank, x.size, x.side(-1), x.side(0)]).toEqual([[1, 2, 3], 3, 6, 3, 1]);
      expect([x.sum().shape, x.sum().rank, x.sum().size]).toEqual([[], 0, 1]);
      expect(() => x.side(3)).toThrow(ShapeError);
      expect(() => x.side(3)).toThrow("expected a dimension of rank 3, got 3.");
    }));

  test("type and place", () =>
    scope(() => {
      expect([v().dtype, v().device, index([1]).dtype, v().toDevice("meta").device]).toEqual([
        "float32",
        "cpu",
        "int64",
        "meta",
      ]);
      expect(v().origin).toBe("tensor");
      expect(v().exp().origin).toBe("exp");
    }));

  test("in-place methods give the tensor itself", () =>
    scope(() => {
      const x = v();
      expect(x.add_(1).mul_(2).zero_()).toBe(x);
      expect(x.setRequiresGrad(true)).toBe(x);
      expect(x.requiresGrad).toBe(true);
    }));

  test("item is one element's value, of any type", () =>
    scope(() => {
      expect(floats([2.5], [1, 1]).item()).toBe(2.5);
      expect(index([-7]).item()).toBe(-7);
      expect(yes([1]).item()).toBe(1);
      expect(floats([1.5]).to("bfloat16").item()).toBe(1.5);
      expect(() => v().item()).toThrow("reading: item() needs one element, got 3. Arguments: [3].");
    }));

  test("arrays are row-major whatever the memory's order", () =>
    scope(() => {
      expect(m().transpose(0, 1).toArray()).toEqual(Float32Array.of(1, 4, 2, 5, 3, 6));
      expect(m().select(0, 0).unsqueeze(0).expand([2, 3]).toNumbers()).toEqual([1, 2, 3, 1, 2, 3]);
      expect(m().slice(1, 1).toBytes()).toEqual(new Uint8Array(Float32Array.of(2, 3, 5, 6).buffer));
    }));

  test("the shape of a tensor made of an array must fit it", () =>
    scope(() => {
      expect(() => tensor(new Float32Array(6), [2, 2])).toThrow("tensor: the shape needs 16 bytes, got 24.");
      expect(() => tensor(new Float32Array(4), [2], { dtype: "int64" }).shape).not.toThrow();
      expect(tensor(Uint8Array.of(0, 1, 2), [3]).dtype).toBe("uint8");
    }));
});

function scopeless(): Tensor {
  let made: Tensor | undefined;
  scope(() => {
    made = v();
  });
  return made as Tensor;
}
