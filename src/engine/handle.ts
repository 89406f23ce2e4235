import { binding } from "./binding.js";
import { DisposedError } from "./errors.js";

/** What every tensor is to the engine: a handle into the addon's table, and the operation that made it. */
export abstract class TensorRef {
  /** The addon's handle; 0 once disposed. */
  id: number;
  /** The operation that made this tensor, for error texts. */
  readonly origin: string;

  constructor(id: number, origin: string) {
    this.id = id;
    this.origin = origin;
  }

  /** False once the scope that owned this tensor has ended, or `dispose` was called. */
  get alive(): boolean {
    return this.id !== 0 && binding().alive(this.id);
  }

  /** Frees the tensor now instead of at the end of its scope. Twice is once. */
  dispose(): void {
    if (this.id !== 0) binding().release(this.id);
    this.id = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** @throws DisposedError that names the operation which made the tensor */
export function disposedError(tensor: TensorRef | undefined, operation: string): DisposedError {
  const origin = tensor === undefined ? "a tensor" : `a tensor made by ${tensor.origin}`;
  return new DisposedError({
    problem: `${operation} was given ${origin} whose scope has ended.`,
    code: "disposed",
    expected: "a live tensor",
    actual: tensor?.origin,
    remedy:
      "Return it from the scope (or module) that made it; to keep state across calls, copy into a buffer with copy_.",
  });
}
