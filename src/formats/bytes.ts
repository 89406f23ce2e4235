/** Bytes that are read by position: of a file, or of memory. */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { FormatError } from "./errors.js";

/** Linux moves at most 2^31 - 4096 bytes in one call. */
const largestTransfer = 2 ** 30;

export interface ByteSource {
  readonly path: string;
  /** Length in bytes when it was opened. */
  readonly size: number;
  /** Bytes from start to end. @throws FormatError "truncated" (the file shrank), "too-large" (no memory), "closed" */
  read(start: number, end: number): Uint8Array;
  /** A second call does nothing. */
  close(): void;
}

/** @param kind what is expected there, for messages: "safetensors file" @throws FormatError "unreadable" */
export function openBytes(path: string, kind: string): ByteSource {
  const descriptor = openForReading(path, kind);
  let open = true;
  const close = (): void => {
    if (open) closeSync(descriptor);
    open = false;
  };
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw unreadable(path, kind, "something that is not a file");
    const read = (start: number, end: number): Uint8Array => {
      if (!open) throw new FormatError({ code: "closed", path, expected: "an open file", actual: "a closed one" });
      return readExactly(descriptor, start, end - start, path, kind);
    };
    return { path, size: stat.size, read, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** `read` returns views. */
export function bytesInMemory(bytes: Uint8Array, path = "(memory)"): ByteSource {
  let open = true;
  const read = (start: number, end: number): Uint8Array => {
    if (!open) throw new FormatError({ code: "closed", path, expected: "an open file", actual: "a closed one" });
    return bytes.subarray(start, end);
  };
  const close = (): void => {
    open = false;
  };
  return { path, size: bytes.byteLength, read, close };
}

function openForReading(path: string, kind: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // a named pipe must not hang us
  } catch (cause) {
    throw unreadable(path, kind, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function unreadable(path: string, kind: string, actual: string, cause?: unknown): FormatError {
  return new FormatError({ code: "unreadable", path, expected: `a readable ${kind}`, actual, cause });
}

function readExactly(descriptor: number, position: number, length: number, path: string, kind: string): Uint8Array {
  const bytes = allocate(length, path);
  let done = 0;
  while (done < length) {
    const wanted = Math.min(length - done, largestTransfer);
    const got = readSome(descriptor, bytes, { done, wanted, position }, path, kind);
    if (got === 0) {
      const expected = `${length} bytes at ${position}`;
      const remedy = "The file became shorter while it was open.";
      throw new FormatError({ code: "truncated", path, expected, actual: `${done}`, remedy });
    }
    done += got;
  }
  return bytes;
}

function readSome(
  descriptor: number,
  bytes: Uint8Array,
  { done, wanted, position }: { done: number; wanted: number; position: number },
  path: string,
  kind: string,
): number {
  try {
    return readSync(descriptor, bytes, done, wanted, position + done);
  } catch (cause) {
    throw unreadable(path, kind, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function allocate(length: number, path: string): Uint8Array {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    const expected = "a tensor that fits into memory";
    throw new FormatError({ code: "too-large", path, expected, actual: `${length} bytes`, cause });
  }
}

/** Writes all of it, at the file's own position or at `position`. */
export function writeBytes(descriptor: number, bytes: Uint8Array, position?: number): void {
  let done = 0;
  while (done < bytes.byteLength) {
    const wanted = Math.min(bytes.byteLength - done, largestTransfer);
    done += writeSync(descriptor, bytes, done, wanted, position === undefined ? null : position + done);
  }
}

/** Runs `write`; what the system says becomes a FormatError "no-space" or "unwritable". */
export function writingTo(path: string, write: () => void): void {
  try {
    write();
  } catch (cause) {
    if (!(cause instanceof Error) || !("syscall" in cause)) throw cause;
    const full = "code" in cause && (cause.code === "ENOSPC" || cause.code === "EDQUOT");
    const detail = full
      ? ({ code: "no-space", expected: "room on the disk", remedy: "Free some space and try again." } as const)
      : ({ code: "unwritable", expected: "a place that can be written to" } as const);
    throw new FormatError({ path, actual: cause.message, ...detail, cause });
  }
}
