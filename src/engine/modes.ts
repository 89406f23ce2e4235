import { binding } from "./binding.js";
import { guarded } from "./dispatch.js";
import { type DType, dtypeCode } from "./dtype.js";
import { withinGradMode } from "./record.js";

/** Runs `body` without recording what backward would need. */
export function noGrad<R>(body: () => R): R {
  return withGradMode(false, body);
}

/** Runs `body` with gradients on, also inside `noGrad` (activation checkpointing needs it). */
export function enableGrad<R>(body: () => R): R {
  return withGradMode(true, body);
}

/** Whether operations are recorded for backward at present. */
export function gradEnabled(): boolean {
  return binding().gradMode();
}

function withGradMode<R>(enabled: boolean, body: () => R): R {
  const before = binding().setGradMode(enabled);
  try {
    return withinGradMode(enabled, body);
  } finally {
    binding().setGradMode(before);
  }
}

/** Where the present autocast regions stand: what activation checkpointing has to set again. */
export interface AutocastState {
  readonly dtype: DType;
  readonly device: string;
}
const regions: AutocastState[] = [];

/**
 * Matrix products and convolutions inside `body` run in `dtype` (float32: plainly). libtorch keeps one copy of each
 * weight until the outermost region ends; the addon clears them there, since an optimiser changes weights in place.
 */
export function autocast<R>(dtype: DType, body: () => R, device = "cpu"): R {
  const code = dtypeCode(dtype === "float32" ? "bfloat16" : dtype);
  guarded("autocast", [], () => binding().enterAutocast(device, code, dtype !== "float32"));
  regions.push({ dtype, device });
  try {
    return body();
  } finally {
    regions.pop();
    binding().leaveAutocast(device);
  }
}

/** The innermost autocast region, if any. */
export function autocastState(): AutocastState | undefined {
  return regions.at(-1);
}

/** Runs `body` as if no autocast region stood around it: products of float32 stay float32. */
export function withoutAutocast<R>(body: () => R): R {
  const region = autocastState();
  return region === undefined ? body() : autocast("float32", body, region.device);
}

/** Threads of libtorch's operations. Set once, before the first operation: a changed count changes bits. */
export function setThreads(count: number): void {
  guarded("setThreads", [], () => binding().setThreads(count));
}

/** How many threads libtorch's operations use. */
export function threads(): number {
  return binding().threads();
}
