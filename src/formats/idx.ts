/** IDX, the format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist): big-endian numbers behind a short header. */
import { byteLength, type Dtype, elementBytes, type RawTensor, swapped } from "./dtype.js";
import { FormatError, type FormatErrorCode } from "./errors.js";

const dtypes: Readonly<Record<number, Dtype>> = {
  8: "U8",
  9: "I8",
  11: "I16",
  12: "I32",
  13: "F32",
  14: "F64",
};

/**
 * Reads an array of any of the format's six types; gzipped files are unpacked by the caller. The answer is
 * little-endian; bytes (U8, I8) come as a view into `bytes`.
 * @throws FormatError
 */
export function parseIdx(bytes: Uint8Array, path = "(memory)"): RawTensor {
  const fail = (code: FormatErrorCode, expected: string, actual: string, remedy?: string): FormatError =>
    new FormatError({ code, path, expected, actual, ...(remedy === undefined ? {} : { remedy }) });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 4) throw fail("truncated", "at least 4 bytes", `${bytes.byteLength}`);
  if (view.getUint16(0) !== 0) {
    const remedy = view.getUint16(0) === 0x1f8b ? "This is a gzip file: unpack it first." : undefined;
    throw fail("bad-magic", "two zero bytes at the start", `0x${view.getUint16(0).toString(16)}`, remedy);
  }
  const dtype = dtypes[view.getUint8(2)];
  if (dtype === undefined) {
    throw fail("unsupported-dtype", "type 8, 9, 11, 12, 13 or 14", `${view.getUint8(2)}`);
  }
  const dimensions = view.getUint8(3);
  const begin = 4 + 4 * dimensions;
  if (begin > bytes.byteLength) {
    throw fail("truncated", `${dimensions} sizes in ${begin} bytes`, `${bytes.byteLength} bytes`);
  }
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = byteLength(dtype, shape, path);
  const actual = bytes.byteLength - begin;
  if (actual !== expected) {
    const code = actual < expected ? "truncated" : "trailing-bytes";
    throw fail(code, `${expected} bytes for ${dtype} [${shape.join(" ")}]`, `${actual}`);
  }
  const data = bytes.subarray(begin);
  return { dtype, shape, data: elementBytes[dtype] === 1 ? data : swapped(data, elementBytes[dtype]) };
}
