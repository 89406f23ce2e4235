/**
 * Bicubic resampling of 8-bit pixels, bit for bit as Pillow 13 does it (`Image.resize(…, Image.BICUBIC)`, src/libImaging/Resample.c).
 *
 * The published recipes were trained on pictures resized by Pillow. Its bicubic is antialiased (the kernel widens when a
 * picture shrinks), rounds to 8 bits between the two passes and works with 22-bit fixed-point weights; a resampler that
 * differs in any of these is another augmentation.
 *
 * Pillow before 13 always made the horizontal pass first, so for pictures that shrink far more in height than in width it
 * may differ from this by one level. Four channels are resampled independently; Pillow multiplies RGBA by its alpha first.
 */

/** Pixels as rows of interleaved channels: data [height width channels], one byte each. */
export interface Picture {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** A window of whole pixels. */
export interface Region {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** A window with fractional edges, as Pillow's `box`: what lies around it still reaches into the result. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface ResampleOptions {
  readonly height: number;
  readonly width: number;
  /** Cut this window out first: pixels outside it have no influence (torchvision's `resized_crop`). Default: the whole picture. */
  readonly crop?: Region;
  /** Pillow's `box`, in pixels of the crop. Default: all of it. */
  readonly box?: Box;
}

/** For each output position: the first input position, how many, and that many fixed-point weights at `stride` * position. */
interface Weights {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly values: Int32Array;
  readonly stride: number;
}

/** 32 bits less 8 of a pixel less 2 for sums beyond the range (Resample.c, PRECISION_BITS). */
const PRECISION = 22;
const ONE = 2 ** PRECISION;
const HALF = 2 ** (PRECISION - 1);
const SUPPORT = 2;

/** Keys' cubic with a = −0.5, in the order of operations of Resample.c, on which the last bit depends. */
function bicubic(x: number): number {
  const distance = Math.abs(x);
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * -0.5;
  return 0;
}

/** Weights that map `inputSize` positions, seen from `start` to `end`, to `outputSize`. Edges are float32 in Pillow. */
function computeWeights(inputSize: number, start: number, end: number, outputSize: number): Weights {
  const from = Math.fround(start);
  const scale = Math.fround(Math.fround(end) - from) / outputSize;
  const widening = Math.max(scale, 1);
  const support = SUPPORT * widening;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(outputSize);
  const count = new Int32Array(outputSize);
  const values = new Int32Array(outputSize * stride);
  const raw = new Float64Array(stride);
  const inverse = 1 / widening;
  for (let position = 0; position < outputSize; position++) {
    const centre = from + (position + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const taps = Math.min(inputSize, Math.trunc(centre + support + 0.5)) - low;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const weight = bicubic((tap + low - centre + 0.5) * inverse);
      raw[tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < taps; tap++) {
      const weight = sum === 0 ? (raw[tap] as number) : (raw[tap] as number) / sum;
      values[position * stride + tap] = Math.trunc(weight < 0 ? weight * ONE - 0.5 : weight * ONE + 0.5);
    }
    first[position] = low;
    count[position] = taps;
  }
  return { first, count, values, stride };
}

/** Crops of small pictures come in few sizes: their tables would cost as much as the resampling. */
const CACHED_TABLES = 512;
const cachedWeights = new Map<number, Weights>();

function weightsOf(inputSize: number, start: number, end: number, outputSize: number): Weights {
  if (start !== 0 || end !== inputSize) return computeWeights(inputSize, start, end, outputSize);
  const key = inputSize * 2 ** 20 + outputSize;
  let weights = cachedWeights.get(key);
  if (weights === undefined) {
    weights = computeWeights(inputSize, 0, inputSize, outputSize);
    if (cachedWeights.size >= CACHED_TABLES) cachedWeights.clear();
    cachedWeights.set(key, weights);
  }
  return weights;
}

/** A rectangle inside a larger array of pixels: where it starts, and the bytes from one row to the next. */
interface Plane {
  readonly data: Uint8Array;
  readonly offset: number;
  readonly rowBytes: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
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

function copyPlane(plane: Plane): Uint8Array {
  const bytes = plane.width * plane.channels;
  const copy = new Uint8Array(plane.height * bytes);
  for (let y = 0; y < plane.height; y++) {
    const at = plane.offset + y * plane.rowBytes;
    copy.set(plane.data.subarray(at, at + bytes), y * bytes);
  }
  return copy;
}

/** Cuts a window of whole pixels out of a picture. Throws RangeError when it does not lie inside. */
export function crop(picture: Picture, region: Region): Picture {
  const plane = planeOf(picture, region);
  return { data: copyPlane(plane), height: region.height, width: region.width, channels: picture.channels };
}

function planeOf(picture: Picture, region: Region): Plane {
  const { top, left, height, width } = region;
  const inside = top >= 0 && left >= 0 && top + height <= picture.height && left + width <= picture.width;
  if (!inside || height < 1 || width < 1) {
    throw new RangeError(
      `crop: expected a window inside ${picture.height} x ${picture.width}, got ${height} x ${width} at row ${top}, column ${left}.`,
    );
  }
  const rowBytes = picture.width * picture.channels;
  const offset = top * rowBytes + left * picture.channels;
  return { data: picture.data, offset, rowBytes, height, width, channels: picture.channels };
}

/**
 * Bicubic, antialiased: uint8 [H W C] -> uint8 [options.height options.width C], equal to Pillow 13's to the bit.
 * The input is not changed. Throws RangeError for a crop outside the picture or a size below 1.
 */
export function resample(picture: Picture, options: ResampleOptions): Picture {
  const { height, width } = options;
  if (!(Number.isInteger(height) && Number.isInteger(width) && height >= 1 && width >= 1)) {
    throw new RangeError(`resample: expected whole sides of at least 1 pixel, got ${height} x ${width}.`);
  }
  const plane = planeOf(picture, options.crop ?? { top: 0, left: 0, height: picture.height, width: picture.width });
  const box = options.box ?? { left: 0, top: 0, right: plane.width, bottom: plane.height };
  const { channels } = plane;
  const across = width !== plane.width || box.left !== 0 || box.right !== width;
  const down = height !== plane.height || box.top !== 0 || box.bottom !== height;
  if (!across && !down) return { data: copyPlane(plane), height, width, channels };
  const target = new Uint8Array(height * width * channels);
  const result = { data: target, height, width, channels };
  const shrinkDown = plane.height - height;
  const verticalFirst = shrinkDown > 0 && shrinkDown > (plane.width - width) * 2;
  const rowWeights = weightsOf(plane.height, box.top, box.bottom, height);
  if (!across) {
    verticalPass(plane, 0, rowWeights, target);
    return result;
  }
  const columnWeights = weightsOf(plane.width, box.left, box.right, width);
  if (verticalFirst && down) {
    const between = verticalPass(plane, 0, rowWeights, scratchBetween(height * plane.width * channels));
    horizontalPass(between, 0, height, columnWeights, target);
    return result;
  }
  if (!down) {
    horizontalPass(plane, 0, height, columnWeights, target);
    return result;
  }
  // Only the rows that the vertical pass will read.
  const firstRow = rowWeights.first[0] as number;
  const rows = (rowWeights.first[height - 1] as number) + (rowWeights.count[height - 1] as number) - firstRow;
  const between = horizontalPass(plane, firstRow, rows, columnWeights, scratchBetween(rows * width * channels));
  verticalPass(between, firstRow, rowWeights, target);
  return result;
}
