import { kernelsAvailable } from "../engine/device.js";
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

/**
 * Whether kernels of our own (native/kernels) take an operation on `x`, whose products are float32 or bfloat16. They compute what
 * ATen's operations do, with fewer passes over memory; by place and type alone, never by a timing: a run's bits must not depend on
 * the weather. A recording that is not of a plan (an exported graph, a diagram) is made of ATen's operations.
 */
export function hasKernels(x: Tensor): boolean {
  const { device, dtype } = placeOf(x);
  if (device !== "cpu" || (dtype !== "bfloat16" && dtype !== "float32")) return false;
  if (isRecording() && planned === undefined) return false;
  return kernelsAvailable();
}

/** Whether they do what stands between products in bfloat16: a cast is part of it. */
export function hasLowKernels(x: Tensor): boolean {
  return placeOf(x).dtype === "bfloat16" && hasKernels(x);
}
