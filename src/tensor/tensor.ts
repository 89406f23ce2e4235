import { binding } from "../engine/binding.js";
import { isCuda } from "../engine/device.js";
import { type Dispatch, dispatcher, guarded } from "../engine/dispatch.js";
import { type DType, dtypeCode, dtypeName, dtypeOf, numbersOf, type TypedArray, typedArray } from "../engine/dtype.js";
import { ShapeError } from "../engine/errors.js";
import { disposedError, TensorRef } from "../engine/handle.js";
import { refuseWhileRecording } from "../engine/record.js";
import { adopt } from "../engine/scope.js";

export type Shape = readonly number[];
type Operand = Tensor | number;

/**
 * A tensor of libtorch. Methods are PyTorch's, in camelCase; each is one dispatched operation and differentiable
 * where PyTorch's is. A tensor belongs to the scope in which it was made (a module's call is one).
 */
export class Tensor extends TensorRef {
  #shape: Shape | undefined;

  /** Sizes of the dimensions. */
  get shape(): Shape {
    this.#shape ??= this.#read((id) => binding().shape(id));
    return this.#shape;
  }
  get dtype(): DType {
    return dtypeName(this.#read((id) => binding().dtype(id)));
  }
  /** `cpu`, `cuda:0`, `meta` */
  get device(): string {
    return this.#read((id) => binding().device(id));
  }
  /** Number of dimensions. */
  get rank(): number {
    return this.shape.length;
  }
  /** Number of elements. */
  get size(): number {
    return this.shape.reduce((product, side) => product * side, 1);
  }
  /** The size of a dimension; negative counts from the end. */
  side(dim: number): number {
    const side = this.shape.at(dim);
    if (side !== undefined) return side;
    throw new ShapeError({ code: "dimension", expected: `a dimension of rank ${this.rank}`, actual: dim });
  }

  #read<R>(read: (id: number) => R): R {
    return guarded("reading", [this], () => read(this.id));
  }

  // Arithmetic
  add(other: Operand): Tensor {
    return typeof other === "number" ? aten("add.Scalar", this, other) : aten("add.Tensor", this, other);
  }
  sub(other: Operand): Tensor {
    return typeof other === "number" ? aten("sub.Scalar", this, other) : aten("sub.Tensor", this, other);
  }
  /** `value - this` */
  rsub(value: number): Tensor {
    return aten("rsub.Scalar", this, value);
  }
  mul(other: Operand): Tensor {
    return typeof other === "number" ? aten("mul.Scalar", this, other) : aten("mul.Tensor", this, other);
  }
  div(other: Operand): Tensor {
    return typeof other === "number" ? aten("div.Scalar", this, other) : aten("div.Tensor", this, other);
  }
  pow(exponent: number): Tensor {
    return aten("pow.Tensor_Scalar", this, exponent);
  }
  neg(): Tensor {
    return aten("neg", this);
  }
  exp(): Tensor {
    return aten("exp", this);
  }
  log(): Tensor {
    return aten("log", this);
  }
  log1p(): Tensor {
    return aten("log1p", this);
  }
  sqrt(): Tensor {
    return aten("sqrt", this);
  }
  rsqrt(): Tensor {
    return aten("rsqrt", this);
  }
  reciprocal(): Tensor {
    return aten("reciprocal", this);
  }
  abs(): Tensor {
    return aten("abs", this);
  }
  sign(): Tensor {
    return aten("sign", this);
  }
  floor(): Tensor {
    return aten("floor", this);
  }
  sin(): Tensor {
    return aten("sin", this);
  }
  cos(): Tensor {
    return aten("cos", this);
  }
  tanh(): Tensor {
    return aten("tanh", this);
  }
  sigmoid(): Tensor {
    return aten("sigmoid", this);
  }
  relu(): Tensor {
    return aten("relu", this);
  }
  silu(): Tensor {
    return aten("silu", this);
  }
  isFinite(): Tensor {
    return aten("isfinite", this);
  }
  clamp(min: number | null, max: number | null = null): Tensor {
    return aten("clamp", this, min, max);
  }
  maximum(other: Tensor): Tensor {
    return aten("maximum", this, other);
  }
  minimum(other: Tensor): Tensor {
    return aten("minimum", this, other);
  }
  /** Matrix product over the last two dimensions, the others broadcast. */
  matmul(other: Tensor): Tensor {
    return aten("matmul", this, other);
  }
  bmm(other: Tensor): Tensor {
    return aten("bmm", this, other);
  }

  // Reductions
  sum(dims?: Shape, keepDim = false): Tensor {
    return dims === undefined ? aten("sum", this) : aten("sum.dim_IntList", this, dims, keepDim);
  }
  mean(dims?: Shape, keepDim = false): Tensor {
    return dims === undefined ? aten("mean", this) : aten("mean.dim", this, dims, keepDim);
  }
  /** Variance; divided by n − correction (1: unbiased, as in PyTorch). */
  var(dims: Shape, correction = 1, keepdim = false): Tensor {
    return aten("var.correction", this, dims, { correction, keepdim });
  }
  /** Standard deviation; divided by n − correction. */
  std(dims: Shape, correction = 1, keepdim = false): Tensor {
    return aten("std.correction", this, dims, { correction, keepdim });
  }
  amax(dims: Shape, keepDim = false): Tensor {
    return aten("amax", this, dims, keepDim);
  }
  amin(dims: Shape, keepDim = false): Tensor {
    return aten("amin", this, dims, keepDim);
  }
  argmax(dim: number, keepDim = false): Tensor {
    return aten("argmax", this, dim, keepDim);
  }
  /** The k largest (or smallest) along a dimension: [values, int64 indices]. */
  topk(k: number, dim = -1, largest = true): [Tensor, Tensor] {
    return aten("topk", this, k, dim, largest);
  }
  /** Order that sorts a dimension; ties keep their order, so that it is the same on every run. */
  argsort(dim = -1, descending = false): Tensor {
    return aten("argsort.stable", this, { stable: true, dim, descending });
  }
  cumsum(dim: number): Tensor {
    return aten("cumsum", this, dim);
  }
  /** Euclidean norm of all elements. */
  norm(): Tensor {
    return aten("linalg_vector_norm", this);
  }
  softmax(dim: number): Tensor {
    return aten("softmax.int", this, dim);
  }
  logSoftmax(dim: number): Tensor {
    return aten("log_softmax.int", this, dim);
  }
  logsumexp(dim: number, keepDim = false): Tensor {
    return aten("logsumexp", this, [dim], keepDim);
  }
  all(): Tensor {
    return aten("all", this);
  }
  any(): Tensor {
    return aten("any", this);
  }

  // Indexing
  gather(dim: number, index: Tensor): Tensor {
    return aten("gather", this, dim, index);
  }
  scatter(dim: number, index: Tensor, source: Tensor): Tensor {
    return aten("scatter.src", this, dim, index, source);
  }
  scatterAdd(dim: number, index: Tensor, source: Tensor): Tensor {
    return aten("scatter_add", this, dim, index, source);
  }
  indexSelect(dim: number, index: Tensor): Tensor {
    return aten("index_select", this, dim, index);
  }
  /** `this` where the condition holds, `other` elsewhere. */
  where(condition: Tensor, other: Tensor): Tensor {
    return aten("where.self", condition, this, other);
  }
  maskedFill(mask: Tensor, value: number): Tensor {
    return aten("masked_fill.Scalar", this, mask, value);
  }
  slice(dim: number, start: number, end?: number, step = 1): Tensor {
    return aten("slice.Tensor", this, dim, start, end, step);
  }
  select(dim: number, index: number): Tensor {
    return aten("select.int", this, dim, index);
  }
  split(size: number, dim: number): Tensor[] {
    return aten("split.Tensor", this, size, dim);
  }
  unbind(dim: number): Tensor[] {
    return aten("unbind.int", this, dim);
  }

  // Shape
  reshape(shape: Shape): Tensor {
    return aten("reshape", this, shape);
  }
  permute(dims: Shape): Tensor {
    return aten("permute", this, dims);
  }
  transpose(a: number, b: number): Tensor {
    return aten("transpose.int", this, a, b);
  }
  unsqueeze(dim: number): Tensor {
    return aten("unsqueeze", this, dim);
  }
  squeeze(dim: number): Tensor {
    return aten("squeeze.dim", this, dim);
  }
  expand(shape: Shape): Tensor {
    return aten("expand", this, shape);
  }
  repeat(times: Shape): Tensor {
    return aten("repeat", this, times);
  }
  flatten(start = 0, end = -1): Tensor {
    return aten("flatten.using_ints", this, start, end);
  }
  flip(dims: Shape): Tensor {
    return aten("flip", this, dims);
  }
  roll(shifts: Shape, dims: Shape): Tensor {
    return aten("roll", this, shifts, dims);
  }
  contiguous(): Tensor {
    return aten("contiguous", this);
  }
  clone(): Tensor {
    return aten("clone", this);
  }
  /** The same values without their history. */
  detach(): Tensor {
    return aten("detach", this);
  }

  // Type and place
  to(dtype: DType): Tensor {
    return aten("to.dtype", this, dtype);
  }
  /** On another device. A copy to a GPU is only asked for: pinned memory that it comes from must not be changed meanwhile. */
  toDevice(device: string): Tensor {
    return aten("to.device", this, device, this.dtype, isCuda(device));
  }
  float(): Tensor {
    return this.to("float32");
  }

  // Comparison: bool tensors
  eq(other: Operand): Tensor {
    return typeof other === "number" ? aten("eq.Scalar", this, other) : aten("eq.Tensor", this, other);
  }
  ne(value: number): Tensor {
    return aten("ne.Scalar", this, value);
  }
  lt(other: Operand): Tensor {
    return typeof other === "number" ? aten("lt.Scalar", this, other) : aten("lt.Tensor", this, other);
  }
  le(value: number): Tensor {
    return aten("le.Scalar", this, value);
  }
  gt(other: Operand): Tensor {
    return typeof other === "number" ? aten("gt.Scalar", this, other) : aten("gt.Tensor", this, other);
  }
  ge(value: number): Tensor {
    return aten("ge.Scalar", this, value);
  }
  logicalAnd(other: Tensor): Tensor {
    return aten("logical_and", this, other);
  }
  logicalOr(other: Tensor): Tensor {
    return aten("logical_or", this, other);
  }
  logicalNot(): Tensor {
    return aten("logical_not", this);
  }

  // In place: the tensor itself changes
  copy_(source: Tensor): this {
    aten("copy_", this, source);
    return this;
  }
  zero_(): this {
    aten("zero_", this);
    return this;
  }
  fill_(value: number): this {
    aten("fill_.Scalar", this, value);
    return this;
  }
  add_(other: Operand, alpha = 1): this {
    if (typeof other === "number") aten("add_.Scalar", this, other, alpha);
    else aten("add_.Tensor", this, other, { alpha });
    return this;
  }
  mul_(other: Operand): this {
    if (typeof other === "number") aten("mul_.Scalar", this, other);
    else aten("mul_.Tensor", this, other);
    return this;
  }

  // Values
  /** The value of a tensor of one element. On a GPU this waits for it. */
  item(): number {
    refuseWhileRecording("a value was read", "Keep the model free of branches on data, or read after the recording.");
    return this.#read((id) => binding().item(id));
  }
  /** A copy of the values, row-major. float16 and bfloat16 are read as float32, bool as 0 and 1. */
  toArray(): TypedArray {
    refuseWhileRecording("values were read", "Keep the model free of branches on data, or read after the recording.");
    const dtype = this.dtype;
    using wide = dtype === "float16" || dtype === "bfloat16" ? this.float() : undefined;
    const bytes = (wide ?? this).#read((id) => binding().readBytes(id));
    return typedArray(wide === undefined ? dtype : "float32", bytes);
  }
  /** The values as numbers. */
  toNumbers(): number[] {
    return numbersOf(this.toArray());
  }
  /** The raw bytes, row-major, in the tensor's own type. */
  toBytes(): Uint8Array {
    return new Uint8Array(this.#read((id) => binding().readBytes(id)));
  }
  /** Overwrites a contiguous tensor with raw bytes of its own type. */
  setBytes(bytes: ArrayBufferView): void {
    guarded("setBytes", [this], () => binding().writeBytes(this.id, bytes));
  }

  // Gradients
  get requiresGrad(): boolean {
    return this.#read((id) => binding().requiresGrad(id));
  }
  setRequiresGrad(value: boolean): this {
    guarded("setRequiresGrad", [this], () => binding().setRequiresGrad(this.id, value));
    return this;
  }
  /** The gradient that `backward` left here, or undefined. A new handle: dispose it, or be inside a scope. */
  get grad(): Tensor | undefined {
    const id = this.#read((own) => binding().gradOf(own));
    return id === 0 ? undefined : wrap(id, "grad");
  }
  /** Puts a gradient here; undefined frees it. */
  set grad(value: Tensor | undefined) {
    if (value !== undefined && value.id === 0) throw disposedError(value, "grad"); // 0 would free the gradient
    guarded("grad", [this, value], () => binding().setGrad(this.id, value === undefined ? 0 : value.id));
  }
}

/** A typed ATen call that gives tensors. The fluent methods above are these. */
export const aten: Dispatch<Tensor> = dispatcher((id, origin) => new Tensor(id, origin));

/** Makes a tensor of a new handle from the addon and gives it its owner. */
export function wrap(id: number, origin: string): Tensor {
  const made = new Tensor(id, origin);
  adopt(made);
  return made;
}

/** Copies a typed array into a tensor; its type is the array's, unless said (for bits of float16 and bfloat16). */
export function tensor(
  data: TypedArray,
  shape: Shape = [data.length],
  options: { dtype?: DType; device?: string } = {},
): Tensor {
  const code = dtypeCode(options.dtype ?? dtypeOf(data));
  const id = guarded("tensor", [], () => binding().fromBytes(data, shape, code, options.device ?? "cpu"));
  return wrap(id, "tensor");
}
