import { binding } from "./binding.js";
import { guarded } from "./dispatch.js";
import { type Span, withMarks } from "./record.js";

/** Bytes of tensors, as libtorch's allocator reports them. */
export interface Metered<R> {
  readonly result: R;
  /** Allocated inside and still there, less what was there before and has gone. */
  readonly keptBytes: number;
  /** The most that was there at once, over what was there before. */
  readonly peakBytes: number;
}

/** Counts the memory of every tensor that `body` makes in this thread, those of kernels and of backward included. */
export function meterMemory<R>(body: () => R): Metered<R> {
  binding().meterMemory();
  let counted: [number, number] | undefined;
  const stop = (): [number, number] => guarded("meterMemory", [], () => binding().meteredMemory());
  try {
    const result = body();
    counted = stop();
    return { result, keptBytes: counted[0], peakBytes: counted[1] };
  } finally {
    if (counted === undefined) stop();
  }
}

const kinds = ["operation", "backward", "module"] as const;

/**
 * Times every operation that `body` runs in this thread, those inside kernels and of backward included, and the modules around
 * them; in the order in which they began. Watching costs some microseconds an operation. On the CPU an operation has ended when
 * it returns; on CUDA it has only been asked for. Does not nest.
 */
export function timeOperations<R>(body: () => R): { result: R; spans: Span[] } {
  const addon = binding();
  guarded("profileBegin", [], () => addon.profileBegin());
  let rows: ReturnType<typeof addon.profileEnd> | undefined;
  const marks = { enter: (key: string) => addon.profileEnter(key), leave: () => addon.profileLeave() };
  try {
    const result = withMarks(marks, body);
    rows = addon.profileEnd();
    return { result, spans: rows.map(spanOf) };
  } finally {
    if (rows === undefined) addon.profileEnd();
  }
}

function spanOf(row: [string, number, number, number, number, number, number, number[][]]): Span {
  const [name, kind, parent, sequence, beginSeconds, endSeconds, bytes, shapes] = row;
  return { name, kind: kinds[kind] ?? "operation", parent, sequence, beginSeconds, endSeconds, bytes, shapes };
}
