/**
 * TIFFs of numbers that are neither bytes nor 16 bits without a sign: floats, signed and 32-bit whole numbers, grey or RGB.
 * What they mean stands nowhere, so that one rule turns them into bytes: numbers within 0…1 (floats), 0…255 or 0…65535 are
 * scaled from the first of these ranges that holds them all, others from the picture's smallest to its largest. The scale is
 * linear; colour profiles and alpha are left out, and what is not finite becomes the lowest.
 */
import type { Metadata } from "sharp";
import type { Picture } from "../resample.js";
import { tiffEntries } from "./exif.js";
import { loadSharp, type VipsLimits } from "./sharp.js";

/** What a file holds, before it was scaled to bytes. */
export interface StoredNumbers {
  /** `float32`, `int16` */
  readonly type: string;
  readonly low: number;
  readonly high: number;
}

/** Why the numbers of a file are not read; the caller knows its path. */
export class NumbersError extends Error {}

const TYPES: Readonly<Record<string, string>> = {
  char: "int8",
  short: "int16",
  int: "int32",
  uint: "uint32",
  float: "float32",
  double: "float64",
};

/** The type of a TIFF's numbers, where they are none that pictures usually have. */
export function numberType({ format, depth, bitsPerSample }: Metadata): string | undefined {
  const type = format === "tiff" ? TYPES[depth] : undefined;
  return type === "float32" && bitsPerSample === 16 ? "float16" : type;
}

/** @throws NumbersError for numbers that are not read */
export async function decodeNumbers(
  bytes: Uint8Array,
  metadata: Metadata,
  limits: VipsLimits,
): Promise<{ picture: Picture; numbers: StoredNumbers }> {
  const type = numberType(metadata) as string;
  const { values, height, width, channels } = await valuesOf(bytes, type, metadata.space as string, limits);
  const [low, high] = rangeOf(values);
  const [black, white] = scaleOf(low, high, type.startsWith("float"));
  const span = white > black ? white - black : Number.POSITIVE_INFINITY;
  const data = new Uint8Array(height * width * 3);
  for (let i = 0; i < data.length; i++) {
    const value = values[channels === 3 ? i : Math.floor(i / 3)] as number;
    data[i] = Number.isFinite(value) ? Math.round(((value - black) / span) * 255) : 0;
  }
  return { picture: { data, height, width, channels: 3 }, numbers: { type, low, high } };
}

interface Values {
  readonly values: ArrayLike<number>;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** libvips keeps numbers as they are in the colour space that it takes them for; of 16 bits in grey it keeps only bits. */
async function valuesOf(bytes: Uint8Array, type: string, space: string, limits: VipsLimits): Promise<Values> {
  const isGreyBits = space === "grey16";
  if (!isGreyBits && space !== "b-w" && space !== "srgb" && space !== "scrgb")
    throw new NumbersError(`${type} in the colour space ${space}; save it as 8 or 16 bits without a sign`);
  const sharp = await loadSharp();
  const read = isGreyBits ? withoutSign(bytes, type) : bytes;
  const { data, info } = await sharp(read, { failOn: "error", limitInputPixels: limits.maxPixels })
    .timeout({ seconds: Math.max(1, Math.ceil(limits.timeoutMs / 1000)) })
    .autoOrient()
    .removeAlpha()
    .pipelineColourspace(space)
    .toColourspace(space)
    .raw({ depth: isGreyBits ? "ushort" : "float" })
    .toBuffer({ resolveWithObject: true });
  const memory = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  const { height, width, channels } = info;
  if (!isGreyBits) return { values: new Float32Array(memory), height, width, channels };
  const values = type === "int16" ? new Int16Array(memory) : Float32Array.from(new Uint16Array(memory), halfFloat);
  return { values, height, width, channels };
}

const SAMPLE_FORMAT = 0x0153;
const PREDICTOR = 0x013d;

/** The file with its numbers said to be whole and without a sign: their bits are what is wanted. */
function withoutSign(bytes: Uint8Array, type: string): Uint8Array {
  const entries = [...tiffEntries(bytes)];
  const format = entries.find(({ tag, count }) => tag === SAMPLE_FORMAT && count <= 2); // with alpha, two
  const predictor = entries.find(({ tag }) => tag === PREDICTOR);
  const isFloatCoded = predictor !== undefined && bytes[predictor.valueAt + (predictor.little ? 0 : 1)] === 3;
  if (format === undefined || isFloatCoded)
    throw new NumbersError(`${type} in a form that is not read; save it as 8 or 16 bits without a sign`);
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  for (let i = 0; i < format.count; i++) view.setUint16(format.valueAt + 2 * i, 1, format.little);
  return copy;
}

/** IEEE 754 binary16 from its bits. */
function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

function rangeOf(values: ArrayLike<number>): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) throw new NumbersError("not one finite number");
  return [low, high];
}

/** The numbers that become 0 and 255. */
function scaleOf(low: number, high: number, isFloat: boolean): [black: number, white: number] {
  const usual = isFloat ? [1, 255, 65535] : [255, 65535];
  const white = low < 0 ? undefined : usual.find((most) => high <= most);
  return white === undefined ? [low, high] : [0, white];
}
