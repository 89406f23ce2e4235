/**
 * The two loops of resampling in WebAssembly with SIMD: four times faster than the same loops in JavaScript, so that a
 * core's time goes into decoding. The arithmetic is that of resample.ts, 32-bit integers throughout: equal to the bit.
 */
import * as w from "./assembler.js";
import { PRECISION } from "./weights.js";

/** How far behind its last byte a kernel may read and write: it takes 16 at a time. */
export const SLACK = 16;

const half = [...w.constant(2 ** (PRECISION - 1)), ...w.vector.splat];

/** Fixed-point sums as whole numbers, −640 … 639; the saturation that follows clips them as Pillow's `clip8`. */
const shifted = (local: number): w.Code => [...w.get(local), ...w.constant(PRECISION), ...w.vector.shiftRight];

/**
 * One row of output: for each position, `count` pixels of `channels` bytes (3 or 4) from `first` on, times their weights.
 * `firsts` and `counts` are int32, in bytes; a position's weights lie `stride` bytes after those of the one before.
 */
function horizontalRow(): w.KernelFunction {
  const [source, target, firsts, counts, weights, stride, width, channels] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [pixel, weight, end, sums] = [8, 9, 10, 11] as const;
  const widen = [...w.vector.bytesLowToShorts, ...w.vector.shortsLowToInts];
  const tap = [
    ...[...w.get(sums), ...w.get(pixel), ...w.vector.load4, ...widen],
    ...[...w.get(weight), ...w.vector.loadSplat, ...w.vector.multiply, ...w.vector.add, ...w.set(sums)],
    ...[...w.increase(pixel, w.get(channels)), ...w.increase(weight, w.constant(4))],
    ...[...w.get(weight), ...w.get(end), ...w.isLess, ...w.branchIf(0)],
  ];
  const position = [
    ...[...w.get(source), ...w.get(firsts), ...w.load, ...w.add, ...w.set(pixel)],
    ...[...w.get(weights), ...w.set(weight)],
    ...[...w.get(weights), ...w.get(counts), ...w.load, ...w.add, ...w.set(end)],
    ...[...half, ...w.set(sums)],
    ...w.loop(tap),
    // Four bytes are written; the next position overwrites what is too much.
    ...[...w.get(target), ...shifted(sums), ...shifted(sums), ...w.vector.intsToShorts, ...w.set(sums)],
    ...[...w.get(sums), ...w.get(sums), ...w.vector.shortsToBytes, ...w.vector.firstLane, ...w.store],
    ...[
      ...w.increase(target, w.get(channels)),
      ...w.increase(firsts, w.constant(4)),
      ...w.increase(counts, w.constant(4)),
    ],
    ...[...w.increase(weights, w.get(stride)), ...w.increase(width, w.constant(-1))],
  ];
  const body = w.block(w.loop(w.get(width), w.isZero, w.branchIf(1), position, w.branch(0)));
  return { name: "horizontalRow", parameters: 8, locals: [w.I32, w.I32, w.I32, w.V128], body };
}

/** One row of output, `length` bytes, from `taps` / 4 rows of input `rowBytes` apart, each times its int32 weight. */
function verticalRow(): w.KernelFunction {
  const [source, rowBytes, weights, taps, target, length] = [0, 1, 2, 3, 4, 5];
  const [row, weight, end, a, b, c, d, bytes, factor, shorts] = [6, 7, 8, 9, 10, 11, 12, 13, 14, 15] as const;
  const addProduct = (sums: number, widen: w.Code): w.Code => [
    ...[
      ...w.get(sums),
      ...w.get(shorts),
      ...widen,
      ...w.get(factor),
      ...w.vector.multiply,
      ...w.vector.add,
      ...w.set(sums),
    ],
  ];
  const tap = [
    ...[...w.get(row), ...w.vector.load16, ...w.set(bytes)],
    ...[...w.get(weight), ...w.vector.loadSplat, ...w.set(factor)],
    ...[...w.get(bytes), ...w.vector.bytesLowToShorts, ...w.set(shorts)],
    ...[...addProduct(a, w.vector.shortsLowToInts), ...addProduct(b, w.vector.shortsHighToInts)],
    ...[...w.get(bytes), ...w.vector.bytesHighToShorts, ...w.set(shorts)],
    ...[...addProduct(c, w.vector.shortsLowToInts), ...addProduct(d, w.vector.shortsHighToInts)],
    ...[...w.increase(row, w.get(rowBytes)), ...w.increase(weight, w.constant(4))],
    ...[...w.get(weight), ...w.get(end), ...w.isLess, ...w.branchIf(0)],
  ];
  const sixteen = [
    ...[...w.get(source), ...w.set(row), ...w.get(weights), ...w.set(weight)],
    ...[...w.get(weights), ...w.get(taps), ...w.add, ...w.set(end)],
    ...[a, b, c, d].flatMap((sums) => [...half, ...w.set(sums)]),
    ...w.loop(tap),
    ...[...w.get(target), ...shifted(a), ...shifted(b), ...w.vector.intsToShorts],
    ...[...shifted(c), ...shifted(d), ...w.vector.intsToShorts, ...w.vector.shortsToBytes, ...w.vector.store16],
    ...[
      ...w.increase(source, w.constant(16)),
      ...w.increase(target, w.constant(16)),
      ...w.increase(length, w.constant(-16)),
    ],
    ...[...w.get(length), ...w.constant(0), ...w.isGreaterSigned, ...w.branchIf(0)],
  ];
  const locals = [w.I32, w.I32, w.I32, ...Array<number>(7).fill(w.V128)];
  return { name: "verticalRow", parameters: 6, locals, body: w.loop(sixteen) };
}

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What is used of the global of this name: its types come with the browser's, which this code must not see. */
declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number }) => Memory;
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

export interface Kernel {
  readonly memory: Memory;
  horizontalRow(...parameters: number[]): void;
  verticalRow(...parameters: number[]): void;
}

const PAGE = 65536;

/** One instance a thread, with memory of its own; it grows as `reserve` asks and is kept. */
export function instantiate(): Kernel {
  const memory = new WebAssembly.Memory({ initial: 16 });
  const module = new WebAssembly.Module(w.assemble([horizontalRow(), verticalRow()]));
  const { exports } = new WebAssembly.Instance(module, { memory: { memory } });
  return { memory, ...(exports as unknown as Omit<Kernel, "memory">) };
}

/** At least `bytes` of memory, as bytes. Growing moves it: views from before are empty then. */
export function reserve(kernel: Kernel, bytes: number): Uint8Array<ArrayBuffer> {
  const missing = bytes - kernel.memory.buffer.byteLength;
  // A quarter more than asked, so that a folder of growing pictures does not move it each time.
  if (missing > 0) kernel.memory.grow(Math.ceil((missing + bytes / 4) / PAGE));
  return new Uint8Array(kernel.memory.buffer);
}
