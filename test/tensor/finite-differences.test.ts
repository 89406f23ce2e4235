import { describe, expect, test } from "vitest";
import type { OpName } from "../../src/engine/dispatch.js";
import { schemas } from "../../src/engine/ops.js";
import { readSchema } from "../../src/engine/schema.js";
import { aten, type Tensor, tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "../engine/leaks.js";
import { expectGradients, type Input } from "./finite-differences.js";

type Line = [(...inputs: Tensor[]) => Tensor | readonly Tensor[], ...(Input | readonly number[])[]];

const positive = (...shape: number[]): Input => ({ shape, low: 0.5, high: 2 });
const index = (values: number[], shape = [values.length]): Tensor => tensor(BigInt64Array.from(values, BigInt), shape);
const mask = (values: number[], shape = [values.length]): Tensor =>
  tensor(Uint8Array.from(values), shape, { dtype: "bool" });

/** Applies an in-place operation to something that is no leaf. */
const changed = (x: Tensor, change: (y: Tensor) => unknown): Tensor => {
  const y = x.clone();
  change(y);
  return y;
};
const each = (list: Tensor[], change: (ys: Tensor[]) => unknown): Tensor[] => {
  const ys = list.map((x) => x.clone());
  change(ys);
  return ys;
};
const symmetric = (x: Tensor): Tensor => x.add(x.transpose(0, 1));

const lines: Partial<Record<OpName, Line>> = {
  "add.Tensor": [(x, y) => aten("add.Tensor", x, y, { alpha: 2 }), [2, 3], [3]],
  "add.Scalar": [(x) => aten("add.Scalar", x, 2), [3]],
  "sub.Tensor": [(x, y) => aten("sub.Tensor", x, y, { alpha: 2 }), [2, 1], [3]],
  "sub.Scalar": [(x) => aten("sub.Scalar", x, 2), [3]],
  "rsub.Scalar": [(x) => aten("rsub.Scalar", x, 2, 3), [3]],
  "mul.Tensor": [(x, y) => x.mul(y), [2, 3], [2, 1]],
  "mul.Scalar": [(x) => x.mul(-1.5), [3]],
  "div.Tensor": [(x, y) => x.div(y), [2, 3], positive(3)],
  "div.Scalar": [(x) => x.div(-1.5), [3]],
  neg: [(x) => x.neg(), [3]],
  exp: [(x) => x.exp(), [3]],
  log: [(x) => x.log(), positive(3)],
  log1p: [(x) => x.log1p(), positive(3)],
  sqrt: [(x) => x.sqrt(), positive(3)],
  rsqrt: [(x) => x.rsqrt(), positive(3)],
  reciprocal: [(x) => x.reciprocal(), positive(3)],
  "pow.Tensor_Scalar": [(x) => x.pow(2.5), positive(3)],
  abs: [(x) => x.abs(), [5]],
  sign: [(x) => x.sign(), [5]],
  floor: [(x) => x.floor(), [5]],
  atan2: [(x, y) => aten("atan2", x, y), [2, 3], [3]],
  sin: [(x) => x.sin(), [3]],
  cos: [(x) => x.cos(), [3]],
  tanh: [(x) => x.tanh(), [3]],
  sigmoid: [(x) => x.sigmoid(), [3]],
  relu: [(x) => x.relu(), [5]],
  gelu: [(x) => [aten("gelu", x), aten("gelu", x, { approximate: "tanh" })], [5]],
  silu: [(x) => x.silu(), [5]],
  "softmax.int": [(x) => x.softmax(1), [2, 4]],
  "log_softmax.int": [(x) => x.logSoftmax(0), [3, 2]],
  logsumexp: [(x) => x.logsumexp(1), [2, 4]],
  clamp: [(x) => x.clamp(-0.5, 0.5), [7]],
  maximum: [(x, y) => x.maximum(y), [5], [5]],
  minimum: [(x, y) => x.minimum(y), [5], [5]],
  matmul: [(x, y) => x.matmul(y), [2, 1, 2, 3], [2, 3, 2]],
  bmm: [(x, y) => x.bmm(y), [2, 2, 3], [2, 3, 1]],
  baddbmm: [(x, y, z) => aten("baddbmm", x, y, z, { beta: 0.5, alpha: 2 }), [2], [2, 2, 3], [2, 3, 2]],
  linear: [(x, w, b) => aten("linear", x, w, b), [2, 2, 3], [4, 3], [4]],
  addmm: [(x, y, z) => aten("addmm", x, y, z, { beta: 0.5, alpha: 2 }), [2], [2, 3], [3, 2]],
  layer_norm: [(x, w, b) => aten("layer_norm", x, [2, 3], w, b), [2, 2, 3], [2, 3], [2, 3]],
  // PyTorch gives mean and rstd no derivative
  native_layer_norm: [(x, w, b) => aten("native_layer_norm", x, [4], w, b, 1e-3)[0], [2, 4], [4], [4]],
  batch_norm: [(x, w, b) => aten("batch_norm", x, w, b, null, null, true, 0.1, 1e-3, false), [3, 2, 2], [2], [2]],
  conv2d: [(x, w, b) => aten("conv2d", x, w, b, [2, 1], 1, 1, 2), [1, 4, 4, 3], [2, 2, 2, 2], [2]],
  einsum: [(x, y) => aten("einsum", "bnd,bmd->bnm", [x, y]), [2, 2, 3], [2, 3, 3]],
  scaled_dot_product_attention: [
    (q, k, v) => aten("scaled_dot_product_attention", q, k, v),
    [1, 2, 3, 2],
    [1, 2, 4, 2],
    [1, 2, 4, 2],
  ],
  sum: [(x) => x.sum(), [2, 3]],
  "sum.dim_IntList": [(x) => x.sum([0, 2], true), [2, 3, 2]],
  mean: [(x) => x.mean(), [2, 3]],
  "mean.dim": [(x) => x.mean([1]), [2, 3]],
  "var.correction": [(x) => [x.var([1]), x.var([0], 0, true)], [3, 4]],
  "std.correction": [(x) => [x.std([1]), x.std([0], 0, true)], [3, 4]],
  amax: [(x) => x.amax([1]), [3, 4]],
  amin: [(x) => x.amin([0, 1]), [3, 4]],
  topk: [(x) => x.topk(2)[0], [2, 5]],
  "sort.stable": [(x) => aten("sort.stable", x, { stable: true })[0], [2, 5]],
  cumsum: [(x) => x.cumsum(1), [2, 4]],
  gather: [(x) => x.gather(1, index([0, 0, 2, 1], [2, 2])), [2, 3]],
  scatter_add: [(x, y) => x.scatterAdd(0, index([1, 1, 0]), y), [3], [3]],
  "scatter.src": [(x, y) => x.scatter(0, index([2, 0]), y), [3], [2]],
  index_select: [(x) => x.indexSelect(1, index([2, 0, 2])), [2, 3]],
  embedding: [(w) => aten("embedding", w, index([1, 0, 1, 2], [2, 2])), [3, 2]],
  "where.self": [(x, y) => x.where(mask([1, 0, 1]), y), [2, 3], [3]],
  "masked_fill.Scalar": [(x) => x.maskedFill(mask([1, 0, 1]), 5), [2, 3]],
  cat: [(x, y) => aten("cat", [x, y, x], 1), [2, 2], [2, 1]],
  stack: [(x, y) => aten("stack", [x, y], -1), [2, 2], [2, 2]],
  reshape: [(x) => x.reshape([3, -1]), [2, 3]],
  view: [(x) => aten("view", x, [3, 2]), [2, 3]],
  permute: [(x) => x.permute([2, 0, 1]), [2, 3, 2]],
  "transpose.int": [(x) => x.transpose(0, 1), [2, 3]],
  unsqueeze: [(x) => x.unsqueeze(1), [2, 3]],
  "squeeze.dim": [(x) => x.squeeze(1), [2, 1, 3]],
  expand: [(x) => x.expand([2, -1, 3]), [2, 1]],
  repeat: [(x) => x.repeat([2, 2]), [2, 3]],
  "slice.Tensor": [(x) => x.slice(1, 1, 5, 2), [2, 5]],
  "select.int": [(x) => x.select(1, -2), [2, 3]],
  "split.Tensor": [(x) => x.split(2, 1), [2, 5]],
  split_with_sizes: [(x) => aten("split_with_sizes", x, [1, 3], 1), [2, 4]],
  chunk: [(x) => aten("chunk", x, 3, 1), [2, 5]],
  "flatten.using_ints": [(x) => x.flatten(1), [2, 2, 3]],
  "unbind.int": [(x) => x.unbind(1), [2, 3]],
  flip: [(x) => x.flip([0, 1]), [2, 3]],
  roll: [(x) => x.roll([1, -1], [0, 1]), [3, 4]],
  contiguous: [(x) => x.transpose(0, 1).contiguous(), [2, 3]],
  clone: [(x) => x.clone(), [2, 3]],
  reflection_pad2d: [(x) => aten("reflection_pad2d", x, [1, 2, 0, 1]), [1, 3, 4]],
  pad: [(x) => [aten("pad", x, [1, 0, -1, 2]), aten("pad", x, [2, 1], "replicate")], [2, 3]],
  copy_: [(x, y) => changed(x, (z) => z.slice(0, 0, 1).copy_(y)), [2, 3], [3]],
  zero_: [(x) => changed(x, (z) => z.slice(0, 0, 1).zero_()), [2, 3]],
  "fill_.Scalar": [(x) => changed(x, (z) => z.slice(0, 0, 1).fill_(2)), [2, 3]],
  "add_.Tensor": [(x, y) => changed(x, (z) => z.add_(y, 2)), [2, 3], [3]],
  "add_.Scalar": [(x) => changed(x, (z) => z.add_(2)), [3]],
  "sub_.Tensor": [(x, y) => changed(x, (z) => aten("sub_.Tensor", z, y, { alpha: 2 })), [2, 3], [3]],
  "mul_.Scalar": [(x) => changed(x, (z) => z.mul_(2)), [3]],
  "mul_.Tensor": [(x, y) => changed(x, (z) => z.mul_(y)), [2, 3], [3]],
  "div_.Scalar": [(x) => changed(x, (z) => aten("div_.Scalar", z, 3)), [3]],
  addcmul_: [(x, y, w) => changed(x, (z) => aten("addcmul_", z, y, w, { value: 2 })), [2, 3], [3], [2, 3]],
  addcdiv_: [(x, y, w) => changed(x, (z) => aten("addcdiv_", z, y, w, { value: 2 })), [2, 3], [3], positive(2, 3)],
  "lerp_.Scalar": [(x, y) => changed(x, (z) => aten("lerp_.Scalar", z, y, 0.3)), [3], [3]],
  "to.dtype": [(x) => aten("to.dtype", x, "float64", false, true), [3]],
  "to.device": [(x) => aten("to.device", x, "cpu", "float64", false, true), [3]],
  cross_entropy_loss: [(x) => aten("cross_entropy_loss", x, index([1, 3, 0]), null, 1, -100, 0.1), [3, 4]],
  mse_loss: [(x, y) => aten("mse_loss", x, y, 0), [2, 3], [2, 3]],
  smooth_l1_loss: [(x, y) => aten("smooth_l1_loss", x, y, 1, 0.3), [2, 3], [2, 3]],
  binary_cross_entropy_with_logits: [(x, y) => aten("binary_cross_entropy_with_logits", x, y), [5], positive(5)],
  "upsample_bicubic2d.vec": [(x) => aten("upsample_bicubic2d.vec", x, [5, 2], false, null), [1, 1, 3, 3]],
  "upsample_bilinear2d.vec": [(x) => aten("upsample_bilinear2d.vec", x, [5, 2], false, null), [1, 1, 3, 3]],
  linalg_vector_norm: [(x) => [aten("linalg_vector_norm", x), aten("linalg_vector_norm", x, 3, [1])], [2, 3]],
  linalg_svd: [(x) => aten("linalg_svd", x, false)[1], [3, 2]],
  linalg_eigh: [(x) => aten("linalg_eigh", symmetric(x))[0], [3, 3]],
  cdist: [(x, y) => aten("cdist", x, y), [3, 2], [4, 2]],
  avg_pool2d: [(x) => aten("avg_pool2d", x, [2, 2], [1, 2], 1), [1, 1, 3, 4]],
  adaptive_avg_pool2d: [(x) => aten("adaptive_avg_pool2d", x, [2, 3]), [1, 1, 5, 4]],
  max_pool2d: [(x) => aten("max_pool2d", x, 2, 1), [1, 1, 3, 4]],
  "_foreach_norm.Scalar": [(x, y) => aten("_foreach_norm.Scalar", [x, y]), [3], [2, 2]],
  "_foreach_mul_.Scalar": [(x, y) => each([x, y], (z) => aten("_foreach_mul_.Scalar", z, 2)), [3], [2]],
  "_foreach_mul_.Tensor": [(x, y, w) => each([x, y], (z) => aten("_foreach_mul_.Tensor", z, w)), [3], [2], []],
  "_foreach_add_.List": [(x, y) => each([x], (z) => aten("_foreach_add_.List", z, [y], { alpha: 2 })), [3], [3]],
  "_foreach_add_.Scalar": [(x) => each([x], (z) => aten("_foreach_add_.Scalar", z, 2)), [3]],
  "_foreach_lerp_.Scalar": [(x, y) => each([x], (z) => aten("_foreach_lerp_.Scalar", z, [y], 0.3)), [3], [3]],
};

/** Results that are whole numbers, yes or no, made from nothing, or cut off on purpose; fused steps have no derivative. */
const constant =
  /^(arg|one_hot|detach|zeros|ones|full|arange|empty|eye|linspace|eq|ne|lt|le|gt|ge|logical_(and|or|not)|isfinite|all|any|_fused_adamw_|_fused_sgd_|_foreach_copy_)/;

describe("autograd against finite differences", () => {
  leavesNoTensors();

  test.each(Object.entries(lines))("%s", (_, [operation, ...inputs]) => expectGradients(operation, ...inputs));

  test("every differentiable operation has a line", () => {
    const ofAten = schemas.filter((schema) => schema.startsWith("aten::")); // others: kernels.test.ts, beside float64
    const names = ofAten.map((schema) => readSchema(schema).name);
    const exempt = (name: string): boolean => constant.test(name) && !(name in lines);
    expect(names.filter((name) => !(name in lines) && !exempt(name))).toEqual([]);
  });

  test("a wrong derivative is noticed", () => {
    expect(() => expectGradients((x) => x.mul(x.detach()), [3])).toThrow("autograd");
  });
});
