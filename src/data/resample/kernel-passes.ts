/** The two passes through the WebAssembly kernels: lays tables and pixels out in their memory, and calls them row by row. */
import { instantiate, type Kernel, reserve, SLACK } from "./kernel.js";
import { type Plan, type Plane, rowsRead } from "./passes.js";
import type { Weights } from "./weights.js";

/** The memory is kept for the thread's life: a few huge pictures shall not hold it, they go the slower way. */
const MOST_BYTES = 64 * 2 ** 20;

/** One for each thread; null where the processor lacks the instructions. */
let instance: Kernel | null | undefined;

function kernel(): Kernel | null {
  if (instance === undefined) {
    try {
      instance = instantiate();
    } catch {
      instance = null;
    }
  }
  return instance;
}

/** Hands out the kernels' memory from the start, in multiples of 16 bytes. */
class Layout {
  size = 0;

  place(bytes: number): number {
    const at = this.size;
    this.size += (bytes + SLACK + 15) & ~15;
    return at;
  }
}

interface Table {
  readonly weights: Weights;
  readonly firsts: number;
  readonly counts: number;
  readonly values: number;
}

function placeTable(layout: Layout, weights: Weights): Table {
  const positions = weights.first.length * 4;
  const [firsts, counts] = [layout.place(positions), layout.place(positions)];
  return { weights, firsts, counts, values: layout.place(weights.values.length * 4) };
}

/** Positions and counts go in as bytes: of pixels, and of weights. */
function writeTable(
  memory: Uint8Array<ArrayBuffer>,
  { weights, firsts, counts, values }: Table,
  channels: number,
): void {
  const words = new Int32Array(memory.buffer);
  weights.first.forEach((first, i) => {
    words[firsts / 4 + i] = first * channels;
    words[counts / 4 + i] = (weights.count[i] as number) * 4;
  });
  words.set(weights.values, values / 4);
}

/** Pixels in the kernels' memory, without gaps between rows. */
interface Placed {
  readonly at: number;
  readonly height: number;
  readonly width: number;
}

/**
 * uint8 [plan.height plan.width C], equal to `resamplePlane`'s; undefined when the kernels do not fit: neither 3 nor 4
 * channels, more pixels than their memory shall hold, or a processor without the instructions.
 */
export function resampleWithKernel(plane: Plane, plan: Plan): Uint8Array | undefined {
  const { channels } = plane;
  if (channels !== 3 && channels !== 4) return undefined;
  const { height, width, columns, rows, verticalFirst } = plan;
  const read = verticalFirst ? { first: 0, count: plane.height } : rowsRead(plane, plan);
  const layout = new Layout();
  const columnTable = columns && placeTable(layout, columns);
  const rowTable = rows && placeTable(layout, rows);
  const source = { at: layout.place(read.count * plane.width * channels), height: read.count, width: plane.width };
  const middle = verticalFirst ? { height, width: plane.width } : { height: read.count, width };
  const between = { ...middle, at: layout.place(middle.height * middle.width * channels) };
  const target = { at: layout.place(height * width * channels), height, width };
  if (layout.size > MOST_BYTES) return undefined;
  const code = kernel();
  if (code === null) return undefined;
  const memory = reserve(code, layout.size);
  if (columnTable) writeTable(memory, columnTable, channels);
  if (rowTable) writeTable(memory, rowTable, channels);
  copyIn(memory, source.at, plane, read);
  const across = (from: Placed, to: Placed): void => {
    if (columnTable) horizontal(code, columnTable, from, to, channels);
  };
  const down = (from: Placed, to: Placed, firstRow: number): void => {
    if (rowTable) vertical(code, rowTable, from, to, channels, firstRow);
  };
  if (columnTable === undefined) down(source, target, read.first);
  else if (rowTable === undefined) across(source, target);
  else if (verticalFirst) {
    down(source, between, 0);
    across(between, target);
  } else {
    across(source, between);
    down(between, target, read.first);
  }
  return memory.slice(target.at, target.at + height * width * channels);
}

function copyIn(memory: Uint8Array, at: number, plane: Plane, read: { first: number; count: number }): void {
  const bytes = plane.width * plane.channels;
  for (let y = 0; y < read.count; y++) {
    const from = plane.offset + (read.first + y) * plane.rowBytes;
    memory.set(plane.data.subarray(from, from + bytes), at + y * bytes);
  }
}

function horizontal(code: Kernel, table: Table, from: Placed, to: Placed, channels: number): void {
  const stride = table.weights.stride * 4;
  for (let y = 0; y < to.height; y++) {
    const source = from.at + y * from.width * channels;
    const target = to.at + y * to.width * channels;
    code.horizontalRow(source, target, table.firsts, table.counts, table.values, stride, to.width, channels);
  }
}

/** `firstRow`: which row of the picture the first one in memory is. */
function vertical(code: Kernel, table: Table, from: Placed, to: Placed, channels: number, firstRow: number): void {
  const { first, count, stride } = table.weights;
  const rowBytes = from.width * channels;
  for (let y = 0; y < to.height; y++) {
    const source = from.at + ((first[y] as number) - firstRow) * rowBytes;
    const weights = table.values + y * stride * 4;
    code.verticalRow(source, rowBytes, weights, (count[y] as number) * 4, to.at + y * rowBytes, rowBytes);
  }
}
