import { ConfigError } from "../errors.js";
import { EngineError } from "./errors.js";

/** Element types, by PyTorch's names; the numbers are c10::ScalarType. */
const codes = {
  uint8: 0,
  int8: 1,
  int16: 2,
  int32: 3,
  int64: 4,
  float16: 5,
  float32: 6,
  float64: 7,
  bool: 11,
  bfloat16: 15,
} as const;

/** Types of numbers that a tensor can hold, by PyTorch's names. */
export type DType = keyof typeof codes;
export type TypedArray = Uint8Array | Int8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

const names = new Map<number, DType>(Object.entries(codes).map(([name, code]) => [code, name as DType]));

/** @throws ConfigError for a name that is none of the above: as `undefined` it would mean "the default" to libtorch */
export function dtypeCode(dtype: DType): number {
  if (Object.hasOwn(codes, dtype)) return codes[dtype];
  const expected = Object.keys(codes).join(", ");
  throw new ConfigError({
    problem: `expected a dtype (${expected}), got ${String(dtype)}.`,
    code: "dtype",
    path: "dtype",
    expected,
    actual: dtype,
  });
}

/** @throws EngineError for a type that Lacuna does not use (complex, quantised). */
export function dtypeName(code: number): DType {
  const name = names.get(code);
  if (name !== undefined) return name;
  const remedy = "Cast it first.";
  throw new EngineError({
    code: "dtype",
    expected: "a type that Lacuna uses",
    actual: `libtorch's type ${code}`,
    remedy,
  });
}

/** Which element type a typed array holds. */
export function dtypeOf(data: TypedArray): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof Int16Array) return "int16";
  if (data instanceof Int8Array) return "int8";
  return "uint8";
}

/** Typed array -> numbers. In a loop: of four million values Array.from took a second, this a tenth. */
export function numbersOf(values: TypedArray): number[] {
  const numbers = new Array<number>(values.length);
  for (let i = 0; i < values.length; i++) numbers[i] = Number(values[i]);
  return numbers;
}

/** Bytes -> typed array. float16 and bfloat16 come as their bits (Uint8Array): convert to float32 first. */
export function typedArray(dtype: DType, bytes: ArrayBuffer): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(bytes);
    case "float64":
      return new Float64Array(bytes);
    case "int64":
      return new BigInt64Array(bytes);
    case "int32":
      return new Int32Array(bytes);
    case "int16":
      return new Int16Array(bytes);
    case "int8":
      return new Int8Array(bytes);
    default:
      return new Uint8Array(bytes);
  }
}

const widths: Record<DType, number> = {
  uint8: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  float16: 2,
  float32: 4,
  float64: 8,
  bool: 1,
  bfloat16: 2,
};

/** Bytes of one element. */
export function dtypeBytes(dtype: DType): number {
  return widths[dtype];
}
