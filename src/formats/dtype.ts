import { FormatError } from "./errors.js";

/**
 * Bytes of one element, in the order of the safetensors crate's `Dtype` (increasing alignment), on which the order of
 * tensors in a written file depends. The crate's types below one byte (F4, F6_*) are left out: a shape alone does not
 * tell their length.
 */
export const elementBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  F8_E8M0: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  C64: 8,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

/** Element type by its name in safetensors. */
export type Dtype = keyof typeof elementBytes;

/** A tensor as it stands in a file: `data` is little-endian, C order, exactly product(shape) × element size long. */
export interface RawTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(elementBytes, name);
}

/**
 * Bytes a tensor needs. Every partial product must stay a safe integer, as in the reference crate's checked
 * multiplication, so that [2^60, 2^60, 0] is refused and not read as empty.
 * @throws FormatError "bad-shape"
 */
export function byteLength(dtype: Dtype, shape: readonly number[], path: string): number {
  let bytes = elementBytes[dtype];
  for (const size of shape) {
    const next = bytes * size;
    if (!Number.isSafeInteger(size) || size < 0 || !Number.isSafeInteger(next)) {
      throw new FormatError({
        code: "bad-shape",
        path,
        expected: "a shape of whole numbers ≥ 0 with less than 2^53 bytes",
        actual: `${dtype} [${shape.slice(0, 16).join(" ")}]`,
      });
    }
    bytes = next as typeof bytes;
  }
  return bytes;
}

const arrays = {
  U8: Uint8Array,
  BOOL: Uint8Array,
  I8: Int8Array,
  I16: Int16Array,
  U16: Uint16Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I32: Int32Array,
  U32: Uint32Array,
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
} as const;

/** The element types that have a typed array; F16 and BF16 come as their 16 bits. */
export type TypedDtype = keyof typeof arrays;
export type TypedArrayOf<D extends TypedDtype> = InstanceType<(typeof arrays)[D]>;

/** Bytes as a typed array: a view where the alignment allows it, a copy where not. Assumes a little-endian machine. */
export function typedArray<D extends TypedDtype>(dtype: D, data: Uint8Array): TypedArrayOf<D> {
  const size = elementBytes[dtype];
  const aligned = data.byteOffset % size === 0 ? data : new Uint8Array(data); // slice() of a Buffer would not copy
  const Kind = arrays[dtype] as unknown as new (bytes: ArrayBufferLike, at: number, length: number) => TypedArrayOf<D>;
  return new Kind(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

/** A copy with the bytes of every element (1, 2, 4 or 8 bytes long) reversed. */
export function swapped(data: Uint8Array, size: number): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(data.byteLength);
  copy.set(data);
  if (size === 2) copy.swap16();
  else if (size === 4) copy.swap32();
  else if (size === 8) copy.swap64();
  return new Uint8Array(copy.buffer);
}

/**
 * A floating-point tensor's values in float32: F32 as it is (a view where possible), F64 rounded, F16 and BF16 exact.
 * @throws FormatError "unsupported-dtype" for integers and the 8-bit floats
 */
export function toFloat32(tensor: RawTensor, path = "(memory)"): Float32Array {
  switch (tensor.dtype) {
    case "F32":
      return typedArray("F32", tensor.data);
    case "F64":
      return Float32Array.from(typedArray("F64", tensor.data));
    case "F16":
      return float16ToFloat32(typedArray("F16", tensor.data));
    case "BF16":
      return bfloat16ToFloat32(typedArray("BF16", tensor.data));
    default:
      throw new FormatError({
        code: "unsupported-dtype",
        path,
        expected: "a tensor of F32, F64, F16 or BF16",
        actual: tensor.dtype,
      });
  }
}

/** bfloat16 bits -> float32, exact: bfloat16 is the upper half of float32. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = (bits[i] as number) << 16;
  return new Float32Array(wide.buffer);
}

/** float32 -> bfloat16 bits, to the nearest, ties to even; overflow gives infinity, NaN stays a quiet NaN. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const x = wide[i] as number;
    const isNan = (x & 0x7fffffff) > 0x7f800000;
    bits[i] = isNan ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
  }
  return bits;
}

/** IEEE half bits -> float32, exact. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  const wide = new Uint32Array(values.buffer);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i] as number;
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) values[i] = (sign === 0 ? 1 : -1) * fraction * 2 ** -24;
    else wide[i] = sign | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
  }
  return values;
}

/** float32 -> IEEE half bits, to the nearest, ties to even; from 65520 on infinity, below 2^-24 subnormal. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = halfBits(wide[i] as number);
  return bits;
}

function halfBits(x: number): number {
  const sign = (x >>> 16) & 0x8000;
  const magnitude = x & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 lies half-way to 65536 and ties to infinity
  if (magnitude >= 0x38800000) {
    const shifted = magnitude - 0x38000000; // exponent bias 127 -> 15
    return sign | ((shifted + 0xfff + ((shifted >>> 13) & 1)) >>> 13);
  }
  if (magnitude <= 0x33000000) return sign; // 2^-25 ties to zero
  const shift = 126 - (magnitude >>> 23); // subnormal: whole multiples of 2^-24
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const quotient = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (quotient + (rest > half || (rest === half && (quotient & 1) === 1) ? 1 : 0));
}
