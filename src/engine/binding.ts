import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { EngineError } from "./errors.js";

/** What the addon exports (native/). A tensor is a number here: a handle into the addon's table, 0 for none. */
export interface Binding {
  open(schema: string): number;
  /** The memory through which calls pass, from now on: native/frame.h says what lies where. */
  frame(words: number): ArrayBuffer;
  /** The call that the frame describes; `others` are its arguments that are no numbers. An array where results are several. */
  call(...others: unknown[]): undefined | (number | number[])[];
  /** Seconds that C++ takes to repeat a call `count` times, its other arguments left to their defaults: for the bench. */
  repeat(operator: number, count: number, tensors: readonly number[]): number;
  fromBytes(data: ArrayBufferView, shape: readonly number[], dtype: number, device: string): number;
  readBytes(handle: number): ArrayBuffer;
  writeBytes(handle: number, data: ArrayBufferView): void;
  item(handle: number): number;
  shape(handle: number): number[];
  dtype(handle: number): number;
  device(handle: number): string;
  storageBytes(handle: number): number;
  /** The same for a tensor and its views; another tensor may get the number of one that is gone. */
  storageId(handle: number): number;
  meterMemory(): void;
  meteredMemory(): [current: number, peak: number];
  /** Times every operation of this thread until profileEnd, those of backward included. */
  profileBegin(): void;
  profileEnter(name: string): void;
  profileLeave(): void;
  /** A row a span: name, kind (0 operation, 1 node of autograd, 2 entered), parent, sequence, begin, end, bytes, shapes. */
  profileEnd(): [string, number, number, number, number, number, number, number[][]][];
  isContiguous(handle: number): boolean;
  release(handle: number): void;
  /** What lies in a list of handles from one place up to another. */
  releaseAll(handles: Float64Array, from: number, to: number): void;
  /** A second handle to the same tensor. */
  alias(handle: number): number;
  trim(): void;
  alive(handle: number): boolean;
  live(): number;
  version(): string;
  adjustExternalMemory(bytes: number): number;
  backward(roots: readonly number[], gradients: readonly number[] | null, keepGraph: boolean): void;
  grad(
    outputs: readonly number[],
    inputs: readonly number[],
    gradients: readonly number[] | null,
    keepGraph: boolean,
    createGraph: boolean,
  ): number[];
  gradOf(handle: number): number;
  setGrad(handle: number, gradient: number): void;
  requiresGrad(handle: number): boolean;
  setRequiresGrad(handle: number, value: boolean): void;
  gradMode(): boolean;
  setGradMode(enabled: boolean): boolean;
  enterAutocast(device: string, dtype: number, enabled: boolean): void;
  leaveAutocast(device: string): void;
  clearAutocast(): void;
  setThreads(count: number): void;
  threads(): number;
  setDeterministic(on: boolean): void;
  hasCuda(): boolean;
  /** What of native/kernels this processor runs: a `KernelPath` (device.ts). */
  kernelPath(): string;
  fillRandom(
    handle: number,
    key0: number,
    key1: number,
    epoch: number,
    samples: readonly number[],
    normal: boolean,
  ): void;
}

let loaded: Binding | undefined;

/** The addon, loaded at the first operation: importing `lacuna` alone stays instant. */
export function binding(): Binding {
  loaded ??= load();
  return loaded;
}

/** True once libtorch is in this process. */
export function isLoaded(): boolean {
  return loaded !== undefined;
}

/**
 * OpenMP's threads wait for each other hundreds of times a step, by default spinning for milliseconds: where another
 * process (or our own decoding) has one of the cores, a step then takes up to fifty times as long (LOG.md, 2026-11-22).
 * libgomp reads this when it is loaded; numbers do not change.
 */
function shortenSpinning(): void {
  if (process.env["OMP_WAIT_POLICY"] === undefined) process.env["GOMP_SPINCOUNT"] ??= "10000";
}

function load(): Binding {
  shortenSpinning();
  const file = fileURLToPath(new URL("../../build/lacuna.node", import.meta.url));
  if (!existsSync(file)) {
    throw new EngineError({
      problem: `the engine is not built: ${file} is missing.`,
      code: "engine-missing",
      expected: file,
      actual: "no such file",
      remedy: "Run: npx lacuna setup",
    });
  }
  try {
    return createRequire(import.meta.url)(file) as Binding;
  } catch (cause) {
    throw new EngineError({
      problem: `libtorch could not be loaded: ${(cause as Error).message}.`,
      code: "engine-load",
      expected: "a libtorch that loads",
      actual: (cause as Error).message,
      remedy: "Run: npx lacuna setup (a moved or removed libtorch folder is the usual reason).",
      cause,
    });
  }
}
