/**
 * What each operation costs in training. The table is complete by its type: a new line in src/engine/ops.ts breaks the build
 * until it is told here what is multiplied and what backward keeps.
 */
import type { OpName } from "../engine/dispatch.js";
import type { RecordedStep } from "../engine/record.js";

/** What time an operation takes: matrix products by their multiply-adds, all others by the elements that they touch. */
export type Kind =
  | "product"
  | "attention"
  | "convolution"
  | "gelu"
  | "softmax"
  | "norm"
  | "elementwise"
  | "rows"
  | "none";

export interface Inside {
  /** Bytes from the forward pass until backward. */
  readonly keptBytes: number;
  /** Bytes at most at once while it computes, beside its result and what is kept. */
  readonly forwardBytes: number;
  readonly backwardBytes: number;
  /** Multiply-adds of attention, among those of all its products. */
  readonly attentionAdds: number;
  /** Elements that parts of other kinds touch. */
  readonly elements: Readonly<Partial<Record<Kind, number>>>;
}

export interface Operation {
  readonly kind: Kind;
  /** Multiply-adds; none for all that is no matrix product, as is usual (element-wise work is bound by memory). */
  readonly multiplyAdds?: (step: RecordedStep) => number;
  /** What autograd keeps for backward: results, or positions among the tensors handed in (PyTorch's derivatives.yaml). */
  readonly keeps: readonly (number | "result")[];
  /** Where products run in lower precision: whether the result comes in it, as a product's does. */
  readonly isLow?: true;
  /** Whether a float32 parameter is read as it is, where other products are given a copy in lower precision. */
  readonly castsItself?: true;
  /** What never shows outside of a kernel of several parts. */
  readonly inside?: (step: RecordedStep) => Inside;
  /** Whether no gradient passes: whole numbers, truths, new tensors. */
  readonly isConstant?: true;
}

const product = (sides: readonly number[]): number => sides.reduce((a, b) => a * b, 1);
const shape = (step: RecordedStep, input: number): readonly number[] => step.inputs[input]?.shape ?? [];
const result = (step: RecordedStep): number => product(step.outputs[0]?.shape ?? []);

/** [… M K] × [… K N]: each element of the result takes K multiply-adds. */
const inner = (first: number) => (step: RecordedStep) => result(step) * (shape(step, first).at(-1) ?? 0);

/** weight [O C/groups k k]: each element of the result takes C/groups k k multiply-adds. */
const convolution: Operation = {
  kind: "convolution",
  multiplyAdds: (step) => result(step) * product(shape(step, 1).slice(1)),
  keeps: [0, 1],
};

/** q kᵀ and its product with v, each every token with every token over the width. qkv [B N 3·D] */
const selfAttention = (step: RecordedStep) => 2 * result(step) * (shape(step, 0)[1] ?? 0);

/** A Transformer block: its four linear layers, and attention. Weights after the input [B N D]: fc1 [M D] is the tenth tensor. */
function blockProducts(step: RecordedStep): number {
  const [tokens = 0, width = 0] = shape(step, 0).slice(1);
  return result(step) * (4 * width + 2 * (shape(step, 9)[0] ?? 0) + 2 * tokens);
}

/** native/kernels/block.cc, `Kept`: q, k and v, heads, stream, hidden layer, and of rows what norms and softmax note. */
function blockInside(step: RecordedStep): Inside {
  const [B = 0, N = 0, D = 0] = shape(step, 0);
  const [rows, hidden, heads] = [B * N, shape(step, 9)[0] ?? 0, Number(step.attributes[13])];
  return {
    keptBytes: rows * (4 * (5 * D + hidden) + 16 + 8 * heads),
    forwardBytes: 4 * rows * hidden,
    backwardBytes: 8 * rows * hidden,
    attentionAdds: 2 * rows * N * D,
    elements: { norm: 2 * rows * D, gelu: rows * hidden, elementwise: 2 * rows * D },
  };
}

/** Each element of the result takes one multiply-add for every index that is summed over. */
function einsumProducts(step: RecordedStep): number {
  const [equation] = step.attributes as [string];
  const [given = "", wanted = ""] = equation.replaceAll(" ", "").split("->");
  const sides = new Map<string, number>();
  for (const [i, letters] of given.split(",").entries())
    for (const [k, letter] of [...letters].entries()) sides.set(letter, shape(step, i)[k] ?? 1);
  const summed = [...sides].filter(([letter]) => !wanted.includes(letter)).map(([, side]) => side);
  return given.includes(",") ? result(step) * product(summed) : 0;
}

const elementwise = (...keeps: Operation["keeps"]): Operation => ({ kind: "elementwise", keeps });
const constant: Operation = { kind: "elementwise", keeps: [], isConstant: true };
const view: Operation = { kind: "elementwise", keeps: [] }; // where it has to copy, it costs that
const rows: Operation = { kind: "rows", keeps: [1] };
const inPlace: Operation = { kind: "elementwise", keeps: [], isConstant: true };
const sorting: Operation = { kind: "elementwise", keeps: [] };

export const operations: { readonly [O in OpName]: Operation } = {
  "add.Tensor": elementwise(),
  "add.Scalar": elementwise(),
  "sub.Tensor": elementwise(),
  "sub.Scalar": elementwise(),
  "rsub.Scalar": elementwise(),
  "mul.Tensor": elementwise(0, 1),
  "mul.Scalar": elementwise(),
  "div.Tensor": elementwise(0, 1),
  "div.Scalar": elementwise(),
  neg: elementwise(),
  exp: elementwise("result"),
  log: elementwise(0),
  log1p: elementwise(0),
  sqrt: elementwise("result"),
  rsqrt: elementwise("result"),
  reciprocal: elementwise("result"),
  "pow.Tensor_Scalar": elementwise(0),
  abs: elementwise(0),
  sign: constant,
  floor: constant,
  atan2: elementwise(0, 1),
  sin: elementwise(0),
  cos: elementwise(0),
  tanh: elementwise("result"),
  sigmoid: elementwise("result"),
  relu: elementwise("result"),
  gelu: { kind: "gelu", keeps: [0] },
  silu: { kind: "gelu", keeps: [0] },
  "softmax.int": { kind: "softmax", keeps: ["result"] },
  "log_softmax.int": { kind: "softmax", keeps: ["result"] },
  logsumexp: { kind: "softmax", keeps: [0, "result"] },
  clamp: elementwise(0),
  maximum: elementwise(0, 1),
  minimum: elementwise(0, 1),
  matmul: { kind: "product", multiplyAdds: inner(0), keeps: [0, 1] },
  bmm: { kind: "product", multiplyAdds: inner(0), keeps: [0, 1] },
  baddbmm: { kind: "product", multiplyAdds: inner(1), keeps: [1, 2] },
  linear: { kind: "product", multiplyAdds: inner(0), keeps: [0, 1] },
  addmm: { kind: "product", multiplyAdds: inner(1), keeps: [1, 2] },
  layer_norm: { kind: "norm", keeps: [0] },
  native_layer_norm: { kind: "norm", keeps: [0] },
  batch_norm: { kind: "norm", keeps: [0] },
  conv2d: convolution,
  einsum: { kind: "product", multiplyAdds: einsumProducts, keeps: [0, 1] },
  scaled_dot_product_attention: {
    kind: "attention",
    multiplyAdds: (step) => 2 * product(shape(step, 0)) * (shape(step, 1).at(-2) ?? 0), // q kᵀ and the sum over v
    keeps: [0, 1, 2, "result"],
  },
  sum: elementwise(),
  "sum.dim_IntList": elementwise(),
  mean: elementwise(),
  "mean.dim": elementwise(),
  "var.correction": elementwise(0),
  "std.correction": elementwise(0, "result"),
  amax: elementwise(0, "result"),
  amin: elementwise(0, "result"),
  argmax: constant,
  topk: sorting,
  "argsort.stable": constant,
  "sort.stable": sorting,
  cumsum: elementwise(),
  gather: rows,
  scatter_add: rows,
  "scatter.src": rows,
  index_select: rows,
  embedding: rows,
  "where.self": elementwise(0),
  "masked_fill.Scalar": elementwise(1),
  one_hot: constant,
  cat: elementwise(),
  stack: elementwise(),
  reshape: view,
  view,
  permute: view,
  "transpose.int": view,
  unsqueeze: view,
  "squeeze.dim": view,
  expand: view,
  repeat: elementwise(),
  "slice.Tensor": view,
  "select.int": view,
  "split.Tensor": view,
  split_with_sizes: view,
  chunk: view,
  "flatten.using_ints": view,
  "unbind.int": view,
  flip: elementwise(),
  roll: elementwise(),
  contiguous: view,
  clone: elementwise(),
  detach: { ...view, isConstant: true },
  reflection_pad2d: elementwise(0),
  pad: elementwise(),
  copy_: inPlace,
  zero_: inPlace,
  "fill_.Scalar": inPlace,
  "add_.Tensor": inPlace,
  "add_.Scalar": inPlace,
  "sub_.Tensor": inPlace,
  "mul_.Scalar": inPlace,
  "mul_.Tensor": inPlace,
  "div_.Scalar": inPlace,
  addcmul_: inPlace,
  addcdiv_: inPlace,
  "lerp_.Scalar": inPlace,
  "to.dtype": view,
  "to.device": view,
  zeros: constant,
  ones: constant,
  full: constant,
  "arange.start_step": constant,
  "empty.memory_format": { kind: "none", keeps: [], isConstant: true },
  eye: constant,
  linspace: constant,
  "eq.Scalar": constant,
  "eq.Tensor": constant,
  "ne.Scalar": constant,
  "lt.Scalar": constant,
  "lt.Tensor": constant,
  "le.Scalar": constant,
  "gt.Scalar": constant,
  "gt.Tensor": constant,
  "ge.Scalar": constant,
  logical_and: constant,
  logical_or: constant,
  logical_not: constant,
  isfinite: constant,
  all: constant,
  any: constant,
  cross_entropy_loss: { kind: "softmax", keeps: [0, 1] },
  mse_loss: elementwise(0, 1),
  smooth_l1_loss: elementwise(0, 1),
  binary_cross_entropy_with_logits: elementwise(0, 1),
  "upsample_bicubic2d.vec": elementwise(),
  "upsample_bilinear2d.vec": elementwise(),
  linalg_vector_norm: elementwise(0, "result"),
  linalg_svd: elementwise("result"),
  linalg_eigh: elementwise("result"),
  cdist: {
    kind: "product",
    keeps: [0, 1, "result"],
    multiplyAdds: (step) => result(step) * (shape(step, 0).at(-1) ?? 0),
  },
  avg_pool2d: elementwise(0),
  adaptive_avg_pool2d: elementwise(0),
  max_pool2d: elementwise(0),
  _fused_adamw_: inPlace,
  _fused_sgd_: inPlace,
  "_foreach_norm.Scalar": inPlace,
  "_foreach_mul_.Scalar": inPlace,
  "_foreach_mul_.Tensor": inPlace,
  "_foreach_add_.List": inPlace,
  "_foreach_add_.Scalar": inPlace,
  "_foreach_lerp_.Scalar": inPlace,
  _foreach_copy_: inPlace,
  // What their nodes of autograd keep: native/kernels.
  "lacuna::attention": { kind: "attention", multiplyAdds: selfAttention, keeps: [0] },
  "lacuna::linear": { kind: "product", multiplyAdds: inner(0), keeps: [0, 1], castsItself: true },
  "lacuna::layer_norm": { kind: "norm", keeps: [0], isLow: true },
  "lacuna::add_branch": elementwise(),
  "lacuna::block": { kind: "product", multiplyAdds: blockProducts, keeps: [0], castsItself: true, inside: blockInside },
  "lacuna::conv3x3": convolution,
  "lacuna::gelu": { kind: "gelu", keeps: [0] },
  "lacuna::take": rows,
};
