import type { DType } from "../engine/dtype.js";
import { aten, type Shape, type Tensor } from "./tensor.js";

export interface Placement {
  readonly dtype?: DType;
  readonly device?: string;
}

/** A tensor of zeros. */
export function zeros(shape: Shape, { dtype = "float32", device = "cpu" }: Placement = {}): Tensor {
  return aten("zeros", shape, { dtype, device });
}
/** A tensor of ones. */
export function ones(shape: Shape, { dtype = "float32", device = "cpu" }: Placement = {}): Tensor {
  return aten("ones", shape, { dtype, device });
}
/** A tensor that has `value` everywhere. */
export function full(shape: Shape, value: number, { dtype = "float32", device = "cpu" }: Placement = {}): Tensor {
  return aten("full", shape, value, { dtype, device });
}
/** Memory as it is found: fill it before reading. @param pinned page-locked, for copies to a GPU that nobody waits for */
export function empty(
  shape: Shape,
  { dtype = "float32", device = "cpu", pinned = false }: Placement & { readonly pinned?: boolean } = {},
): Tensor {
  return aten("empty.memory_format", shape, { dtype, device, pin_memory: pinned });
}
/** start, start + step, … below end */
export function arange(
  start: number,
  end: number,
  step = 1,
  { dtype = "float32", device = "cpu" }: Placement = {},
): Tensor {
  return aten("arange.start_step", start, end, step, { dtype, device });
}
/** The identity matrix [size size]. */
export function eye(size: number, { dtype = "float32", device = "cpu" }: Placement = {}): Tensor {
  return aten("eye", size, { dtype, device });
}
/** Joins tensors along a dimension that they have; all their other sides must be equal. */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  return aten("cat", tensors, dim);
}
/** Joins tensors of one shape along a new dimension. */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  return aten("stack", tensors, dim);
}
