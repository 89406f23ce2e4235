/** The two passes in JavaScript, for pictures of any size and number of channels; `kernel-passes.ts` has the fast ones. */
import { PRECISION, type Weights } from "./weights.js";

const HALF = 2 ** (PRECISION - 1);

/** A rectangle inside a larger array of pixels: where it starts, and the bytes from one row to the next. */
export interface Plane {
  readonly data: Uint8Array;
  readonly offset: number;
  readonly rowBytes: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** What to do to a plane: the weights of the directions that change, and which of them comes first. */
export interface Plan {
  readonly height: number;
  readonly width: number;
  readonly columns: Weights | undefined;
  readonly rows: Weights | undefined;
  readonly verticalFirst: boolean;
}

/** The rows of the input that a plan reads, first and number: the horizontal pass need not make others. */
export function rowsRead(plane: Plane, plan: Plan): { readonly first: number; readonly count: number } {
  const { rows, height } = plan;
  if (rows === undefined) return { first: 0, count: plane.height };
  const first = rows.first[0] as number;
  return { first, count: (rows.first[height - 1] as number) + (rows.count[height - 1] as number) - first };
}

/** uint8 [plan.height plan.width C] */
export function resamplePlane(plane: Plane, plan: Plan): Uint8Array {
  const { height, width, columns, rows } = plan;
  const { channels } = plane;
  const target = new Uint8Array(height * width * channels);
  if (columns === undefined) {
    if (rows !== undefined) verticalPass(plane, 0, rows, target);
  } else if (rows === undefined) {
    horizontalPass(plane, 0, height, columns, target);
  } else if (plan.verticalFirst) {
    const between = verticalPass(plane, 0, rows, scratchBetween(height * plane.width * channels));
    horizontalPass(between, 0, height, columns, target);
  } else {
    const { first, count } = rowsRead(plane, plan);
    const between = horizontalPass(plane, first, count, columns, scratchBetween(count * width * channels));
    verticalPass(between, first, rows, target);
  }
  return target;
}

/** Three channels a row, the common case by far: the loop over channels is written out. */
function horizontalRow3(source: Uint8Array, at: number, target: Uint8ClampedArray, to: number, weights: Weights): void {
  const { first, count, values, stride } = weights;
  let out = to;
  for (let x = 0; x < first.length; x++) {
    let from = at + (first[x] as number) * 3;
    let tap = x * stride;
    const end = tap + (count[x] as number);
    let red = HALF;
    let green = HALF;
    let blue = HALF;
    for (; tap < end; tap++) {
      const weight = values[tap] as number;
      red = (red + Math.imul(source[from] as number, weight)) | 0;
      green = (green + Math.imul(source[from + 1] as number, weight)) | 0;
      blue = (blue + Math.imul(source[from + 2] as number, weight)) | 0;
      from += 3;
    }
    target[out] = red >> PRECISION;
    target[out + 1] = green >> PRECISION;
    target[out + 2] = blue >> PRECISION;
    out += 3;
  }
}

function horizontalRow(
  source: Uint8Array,
  at: number,
  target: Uint8ClampedArray,
  to: number,
  weights: Weights,
  channels: number,
): void {
  const { first, count, values, stride } = weights;
  for (let x = 0; x < first.length; x++) {
    const start = at + (first[x] as number) * channels;
    const taps = count[x] as number;
    for (let channel = 0; channel < channels; channel++) {
      let sum = HALF;
      for (let tap = 0; tap < taps; tap++) {
        sum =
          (sum + Math.imul(source[start + channel + tap * channels] as number, values[x * stride + tap] as number)) | 0;
      }
      target[to + x * channels + channel] = sum >> PRECISION;
    }
  }
}

/** Rows `firstRow` … of the plane, made `weights.first.length` wide. */
function horizontalPass(plane: Plane, firstRow: number, rows: number, weights: Weights, target: Uint8Array): Plane {
  const { channels } = plane;
  const width = weights.first.length;
  const rowBytes = width * channels;
  const clamped = new Uint8ClampedArray(target.buffer, target.byteOffset, target.length);
  for (let y = 0; y < rows; y++) {
    const at = plane.offset + (firstRow + y) * plane.rowBytes;
    if (channels === 3) horizontalRow3(plane.data, at, clamped, y * rowBytes, weights);
    else horizontalRow(plane.data, at, clamped, y * rowBytes, weights, channels);
  }
  return { data: target, offset: 0, rowBytes, height: rows, width, channels };
}

/**
 * The plane made `weights.first.length` high; the weights count rows from `firstRow` of the picture, the plane begins there.
 * Four rows at a time are added to a row of sums: one pass over memory a row would be bound by that row of sums.
 */
function verticalPass(plane: Plane, firstRow: number, weights: Weights, target: Uint8Array): Plane {
  const { data, channels } = plane;
  const height = weights.first.length;
  const rowBytes = plane.width * channels;
  const clamped = new Uint8ClampedArray(target.buffer, target.byteOffset, target.length);
  const sums = scratchSums(rowBytes);
  for (let y = 0; y < height; y++) {
    const start = plane.offset + ((weights.first[y] as number) - firstRow) * plane.rowBytes;
    const taps = weights.count[y] as number;
    sums.fill(HALF, 0, rowBytes);
    let tap = 0;
    for (; tap + 4 <= taps; tap += 4) {
      addFourRows(
        data,
        start + tap * plane.rowBytes,
        plane.rowBytes,
        weights.values,
        y * weights.stride + tap,
        sums,
        rowBytes,
      );
    }
    for (; tap < taps; tap++) {
      addRow(data, start + tap * plane.rowBytes, weights.values[y * weights.stride + tap] as number, sums, rowBytes);
    }
    for (let i = 0, to = y * rowBytes; i < rowBytes; i++, to++) clamped[to] = (sums[i] as number) >> PRECISION;
  }
  return { data: target, offset: 0, rowBytes, height, width: plane.width, channels };
}

function addFourRows(
  data: Uint8Array,
  start: number,
  rowBytes: number,
  values: Int32Array,
  at: number,
  sums: Int32Array,
  length: number,
): void {
  const a = values[at] as number;
  const b = values[at + 1] as number;
  const c = values[at + 2] as number;
  const d = values[at + 3] as number;
  const second = start + rowBytes;
  const third = second + rowBytes;
  const fourth = third + rowBytes;
  for (let i = 0; i < length; i++) {
    sums[i] =
      ((sums[i] as number) +
        Math.imul(data[start + i] as number, a) +
        Math.imul(data[second + i] as number, b) +
        Math.imul(data[third + i] as number, c) +
        Math.imul(data[fourth + i] as number, d)) |
      0;
  }
}

function addRow(data: Uint8Array, start: number, weight: number, sums: Int32Array, length: number): void {
  for (let i = 0; i < length; i++) {
    sums[i] = ((sums[i] as number) + Math.imul(data[start + i] as number, weight)) | 0;
  }
}

let sumsBuffer = new Int32Array(0);
function scratchSums(length: number): Int32Array {
  if (sumsBuffer.length < length) sumsBuffer = new Int32Array(length);
  return sumsBuffer;
}

/** The picture between the two passes; reused, since a fresh one per picture is most of the garbage of a loader. */
let betweenBuffer = new Uint8Array(0);
function scratchBetween(length: number): Uint8Array {
  if (betweenBuffer.length < length) betweenBuffer = new Uint8Array(length);
  return betweenBuffer.subarray(0, length);
}
