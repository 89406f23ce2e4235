import { binding } from "./binding.js";
import { StateError } from "./errors.js";
import { TensorRef } from "./handle.js";

/**
 * Memory. A scope owns every tensor made while it is the innermost one; what its function returns passes to the
 * scope around it, the rest is released. Safe under autograd: libtorch keeps what backward needs.
 */

/** Where each open scope begins in `owned`, the innermost last; undefined for a stretch outside every scope. */
const open: (number | undefined)[] = [];

/** The handles that open scopes own, in one stack: a scope is released in one call. */
let owned = new Float64Array(256);
let top = 0;

/** The net for tensors that escaped every scope and were then forgotten. */
const forgotten = new FinalizationRegistry<number>((id) => binding().release(id));

/** Gives a new tensor its owner. */
export function adopt(tensor: TensorRef): void {
  if (open.length === 0 || open[open.length - 1] === undefined) {
    forgotten.register(tensor, tensor.id, tensor);
    return;
  }
  if (top === owned.length) {
    const longer = new Float64Array(2 * top);
    longer.set(owned);
    owned = longer;
  }
  owned[top++] = tensor.id;
}

/** Runs `body` and frees every tensor that it made and did not return. @throws StateError for a promise */
export function scope<R>(body: () => R): R {
  const start = top;
  open.push(start);
  let kept: TensorRef[] = [];
  try {
    const result = body();
    if (result instanceof Promise) refusePromise(result);
    kept = tensorsIn(result);
    return result;
  } finally {
    open.pop();
    release(start, kept);
  }
}

/** Runs `body` outside every scope: what it makes lives until it is disposed (parameters, optimiser state). */
export function outside<R>(body: () => R): R {
  open.push(undefined);
  try {
    return body();
  } finally {
    open.pop();
  }
}

function refusePromise(result: Promise<unknown>): never {
  result.catch(() => {});
  throw new StateError({
    problem: "a scope's function returned a promise.",
    code: "async-scope",
    expected: "a synchronous function",
    actual: "a promise",
    remedy: "Tensor work is synchronous: await files and data before the scope, and hand their bytes in.",
  });
}

function release(start: number, kept: readonly TensorRef[]): void {
  let end = top;
  const passed: TensorRef[] = [];
  if (kept.length > 0) {
    const keeps = new Map(kept.map((tensor) => [tensor.id, tensor]));
    end = start;
    for (let i = start; i < top; i++) {
      const id = owned[i] as number;
      const tensor = keeps.get(id);
      if (tensor === undefined) owned[end++] = id;
      else passed.push(tensor);
    }
  }
  if (end > start) binding().releaseAll(owned, start, end);
  top = start;
  for (const tensor of passed) adopt(tensor);
}

/** Every tensor reachable through arrays, maps, sets and the fields of objects; each once. */
export function tensorsIn(value: unknown): TensorRef[] {
  if (value instanceof TensorRef) return [value];
  const found = new Set<TensorRef>();
  collect(value, found, new Set());
  return [...found];
}

function collect(value: unknown, found: Set<TensorRef>, seen: Set<object>): void {
  if (value instanceof TensorRef) found.add(value);
  if (typeof value !== "object" || value === null || value instanceof TensorRef || seen.has(value)) return;
  if (ArrayBuffer.isView(value)) return;
  seen.add(value);
  if (Array.isArray(value)) for (const item of value) collect(item, found, seen);
  else if (value instanceof Map || value instanceof Set) for (const item of value.values()) collect(item, found, seen);
  else for (const item of Object.values(value)) collect(item, found, seen);
}

/**
 * Gives what the C heap holds free back to the system (a few milliseconds). Between steps it keeps resident memory flat:
 * decoding and checkpoints leave holes that are filled again late.
 */
export function trimMemory(): void {
  binding().trim();
}

/** Tensors alive in this thread, whoever owns them. */
export function liveTensors(): number {
  return binding().live();
}
