import { type KernelPath, kernelPath } from "../engine/device.js";
import { autocastState } from "../engine/modes.js";
import { isRecording } from "../engine/record.js";
import type { Tensor } from "./tensor.js";

/** Where an operation runs, and in which type matrix products do. */
export interface Place {
  readonly device: string;
  readonly dtype: string;
}

let planned: Place | undefined;

/** On the `meta` device, operations inside `body` take the way that they would take on this device in this type. */
export function asOn<R>(device: string, dtype: string, body: () => R): R {
  const before = planned;
  planned = { device, dtype };
  try {
    return body();
  } finally {
    planned = before;
  }
}

/** The place that counts for `x`: its own, or the one that is planned for. */
export function placeOf(x: Tensor): Place {
  const { device } = x;
  if (device === "meta" && planned !== undefined) return planned;
  return { device, dtype: autocastState()?.dtype ?? x.dtype };
}

export type Kernel = "add_branch" | "attention" | "block" | "conv3x3" | "gelu" | "layer_norm" | "linear" | "take";

const everything = ["add_branch", "attention", "gelu", "layer_norm", "linear", "take"] as const; // beside convolutions
const aroundProducts = ["attention", "conv3x3", "gelu", "take"] as const;

/**
 * Which kernels of our own a processor runs, in regions whose products are of a type (docs/guide/speed.md has it by processor). The
 * others are ATen's operations: on Intel's processors the products of a linear layer, those inside a whole block too, for MKL reaches
 * there what their multipliers can do (and on AMD's four fifths of it); GELU with the narrow registers of AVX2; and all in bfloat16
 * where the processor does not multiply it.
 */
const running: Readonly<Record<KernelPath, Readonly<Record<"float32" | "bfloat16", readonly Kernel[]>>>> = {
  "avx512-bf16-amx": {
    float32: ["block", ...aroundProducts],
    bfloat16: everything.filter((kernel) => kernel !== "linear"),
  },
  "avx512-bf16": { float32: ["linear", ...aroundProducts], bfloat16: everything },
  avx512: { float32: ["block", ...aroundProducts], bfloat16: [] },
  avx2: { float32: ["attention", "conv3x3", "take"], bfloat16: [] },
  none: { float32: [], bfloat16: [] },
};

/**
 * Whether a kernel of our own (native/kernels) takes an operation on `x`, where products are float32 or bfloat16. It computes what
 * ATen's operations do, with fewer passes over memory; by place and type alone, never by a timing: a run's bits must not depend on
 * the weather. A recording that is not of a plan (an exported graph, a diagram) is made of ATen's operations.
 */
export function hasKernel(kernel: Kernel, x: Tensor): boolean {
  const { dtype } = placeOf(x);
  return runsOnCpu(x) && (dtype === "bfloat16" || dtype === "float32") && running[kernelPath()][dtype].includes(kernel);
}

/** Whether an operation on `x` runs on a CPU, or is planned for one, and is no part of a recording that becomes a graph. */
export function runsOnCpu(x: Tensor): boolean {
  return placeOf(x).device === "cpu" && !(isRecording() && planned === undefined);
}

/** Tokens of a sequence whose scores fit in a core's cache; with AVX2 libtorch's products win sooner, backwards at 197. */
export function longestAttention(): number {
  return kernelPath() === "avx2" ? 128 : 256;
}
