import { binding } from "./binding.js";
import { guarded } from "./dispatch.js";

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
