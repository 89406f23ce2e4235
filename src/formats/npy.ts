/** NumPy's .npy, versions 1 to 3 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */
import { byteLength, type Dtype, elementBytes, type RawTensor, swapped } from "./dtype.js";
import { excerpt, FormatError, type FormatErrorCode } from "./errors.js";

const magic = "\x93NUMPY";
/** Headers of plain arrays have some hundred bytes; NumPy itself refuses more than 10,000 by default. */
const maximumHeaderBytes = 1 << 16;
/** NumPy leaves room for this many digits of the first size, so that a file can grow in place. */
const growthDigits = 21;
/** NumPy 2 has arrays of at most 64 dimensions. */
const maximumDimensions = 64;

const dtypes: Readonly<Record<string, Dtype>> = {
  b1: "BOOL",
  i1: "I8",
  u1: "U8",
  i2: "I16",
  u2: "U16",
  i4: "I32",
  u4: "U32",
  i8: "I64",
  u8: "U64",
  f2: "F16",
  f4: "F32",
  f8: "F64",
  c8: "C64",
};

/**
 * Reads an array of booleans, integers, floats or single-precision complex numbers, whatever its byte order and layout.
 * The answer is little-endian and in C order; its data is a view into `bytes` where nothing had to be rearranged.
 * @throws FormatError, also for object and structured arrays ("unsupported-dtype") and for bytes after the data
 */
export function parseNpy(bytes: Uint8Array, path = "(memory)"): RawTensor {
  const { text, end } = headerText(bytes, path);
  const { descr, fortranOrder, shape } = new HeaderReader(text, path).read();
  const { dtype, bigEndian } = dtypeOf(descr, path);
  const expected = byteLength(dtype, shape, path);
  const actual = bytes.byteLength - end;
  if (actual !== expected) {
    const code = actual < expected ? "truncated" : "trailing-bytes";
    throw failure(code, path, `${expected} bytes for ${dtype} [${shape.join(" ")}]`, `${actual}`);
  }
  let data = bytes.subarray(end);
  if (bigEndian) data = swapped(data, dtype === "C64" ? 4 : elementBytes[dtype]);
  if (fortranOrder && shape.length > 1) data = toCOrder(data, shape, elementBytes[dtype]);
  return { dtype, shape, data };
}

/** Type and shape by the header alone, of which `bytes` must hold the whole. @throws FormatError */
export function readNpyHeader(bytes: Uint8Array, path = "(memory)"): { dtype: Dtype; shape: readonly number[] } {
  const { descr, shape } = new HeaderReader(headerText(bytes, path).text, path).read();
  return { dtype: dtypeOf(descr, path).dtype, shape };
}

/**
 * The bytes before the data of a little-endian array in C order, equal to what NumPy writes; for files written row by row.
 * @throws FormatError "unsupported-dtype" for BF16 and the 8-bit floats, which NumPy lacks
 */
export function npyHeader(dtype: Dtype, shape: readonly number[]): Uint8Array {
  const kind = Object.keys(dtypes).find((key) => dtypes[key] === dtype);
  if (kind === undefined) {
    const remedy = "Convert it to F32 first.";
    throw failure("unsupported-dtype", "(memory)", "a type that NumPy has", dtype, remedy);
  }
  byteLength(dtype, shape, "(memory)");
  const order = elementBytes[dtype] === 1 ? "|" : "<";
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const room = shape.length === 0 ? 0 : growthDigits - String(shape[0]).length;
  const text = `{'descr': '${order}${kind}', 'fortran_order': False, 'shape': ${tuple}, }${" ".repeat(room)}`;
  const total = Math.ceil((10 + text.length + 1) / 64) * 64;
  const header = Buffer.alloc(total, " ");
  header.write(`${magic}\x01\x00`, "latin1");
  header.writeUInt16LE(total - 10, 8);
  header.write(text, 10, "latin1");
  header[total - 1] = 0x0a;
  return header;
}

/** A whole file. @throws FormatError "unsupported-dtype", "bad-data" where the length of `data` is not that of the shape */
export function encodeNpy(tensor: RawTensor): Uint8Array {
  const header = npyHeader(tensor.dtype, tensor.shape);
  const bytes = byteLength(tensor.dtype, tensor.shape, "(memory)");
  if (tensor.data.byteLength !== bytes) {
    throw failure("bad-data", "(memory)", `${bytes} bytes of data`, `${tensor.data.byteLength}`);
  }
  return Buffer.concat([header, tensor.data]);
}

function failure(code: FormatErrorCode, path: string, expected: string, actual: string, remedy?: string): FormatError {
  return new FormatError({ code, path, expected, actual, ...(remedy === undefined ? {} : { remedy }) });
}

function headerText(bytes: Uint8Array, path: string): { text: string; end: number } {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(12, bytes.byteLength));
  const found = start.toString("latin1", 0, 6);
  if (found !== magic) {
    if (magic.startsWith(found)) throw failure("truncated", path, "the 6 bytes \\x93NUMPY", `${start.length} bytes`);
    throw failure("bad-magic", path, "a file that begins with \\x93NUMPY", excerpt(found));
  }
  const version = start[6];
  const sizeBytes = version === 1 ? 2 : 4;
  if (start.length < 8 + sizeBytes) throw failure("truncated", path, "the length of the header", "the end of the file");
  if (version === undefined || version < 1 || version > 3) {
    throw failure("bad-header", path, "version 1, 2 or 3 of the format", `version ${version}`);
  }
  const length = start.readUIntLE(8, sizeBytes);
  const begin = 8 + sizeBytes;
  if (length > maximumHeaderBytes) {
    throw failure("too-large", path, `a header of at most ${maximumHeaderBytes} bytes`, `${length}`);
  }
  if (begin + length > bytes.byteLength) {
    throw failure("truncated", path, `a header of ${length} bytes`, `a file of ${bytes.byteLength}`);
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + begin, length);
  return { text: text.toString(version === 3 ? "utf8" : "latin1"), end: begin + length };
}

function dtypeOf(descr: string, path: string): { dtype: Dtype; bigEndian: boolean } {
  const order = descr[0] as string;
  const dtype = Object.hasOwn(dtypes, descr.slice(1)) ? dtypes[descr.slice(1)] : undefined;
  if (dtype === undefined || !"<>|=".includes(order)) {
    const expected = "booleans, integers, floats or complex64";
    throw failure("unsupported-dtype", path, expected, `descr ${excerpt(descr)}`);
  }
  return { dtype, bigEndian: order === ">" };
}

interface Header {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: number[];
}

/** Reads the header's Python dictionary: three keys in any order, each a string, a truth value or a tuple of numbers. */
class HeaderReader {
  private position = 0;

  constructor(
    private readonly text: string,
    private readonly path: string,
  ) {}

  read(): Header {
    let descr: string | undefined;
    let fortranOrder: boolean | undefined;
    let shape: number[] | undefined;
    this.take("{");
    while (!this.accept("}")) {
      const key = this.string();
      this.take(":");
      if (key === "descr" && descr === undefined) descr = this.descr();
      else if (key === "fortran_order" && fortranOrder === undefined) fortranOrder = this.truth();
      else if (key === "shape" && shape === undefined) shape = this.tuple();
      else throw this.error("the keys descr, fortran_order and shape, once each");
      if (this.accept(",")) continue;
      this.take("}");
      break;
    }
    if (this.text.slice(this.position).trim() !== "") throw this.error("nothing after the dictionary");
    if (descr === undefined || fortranOrder === undefined || shape === undefined) {
      throw this.error("the keys descr, fortran_order and shape");
    }
    return { descr, fortranOrder, shape };
  }

  private descr(): string {
    if (!this.next(/\s*\[/y)) return this.string();
    const actual = `a structured array, ${excerpt(this.text)}`;
    throw failure("unsupported-dtype", this.path, "an array of plain numbers", actual);
  }

  private truth(): boolean {
    const word = this.next(/\s*(True|False)/y);
    if (!word) throw this.error("True or False");
    return word[1] === "True";
  }

  private tuple(): number[] {
    const sizes: number[] = [];
    this.take("(");
    while (!this.accept(")")) {
      const digits = this.next(/\s*(\d{1,16})L?/y); // Python 2 wrote 3L
      if (!digits || sizes.length === maximumDimensions) throw this.error("a tuple of at most 64 sizes");
      sizes.push(Number(digits[1]));
      if (this.accept(",")) continue;
      this.take(")");
      break;
    }
    return sizes;
  }

  private string(): string {
    const found = this.next(/\s*(?:'([^'\\]*)'|"([^"\\]*)")/y);
    if (!found) throw this.error("a string");
    return found[1] ?? (found[2] as string);
  }

  private accept(character: string): boolean {
    const found = this.next(/\s*(\S)/y);
    if (found?.[1] === character) return true;
    if (found) this.position -= found[0].length;
    return false;
  }

  private take(character: string): void {
    if (!this.accept(character)) throw this.error(`"${character}"`);
  }

  private next(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text);
    if (found) this.position += found[0].length;
    return found;
  }

  private error(expected: string): FormatError {
    const rest = this.text.slice(this.position, this.position + 40);
    const actual = `${excerpt(rest)} at character ${this.position} of the header`;
    return failure("bad-header", this.path, expected, actual);
  }
}

/** Column-major (first index fastest) -> row-major (last index fastest). */
function toCOrder(data: Uint8Array, shape: readonly number[], size: number): Uint8Array {
  const out = new Uint8Array(data.byteLength);
  const from = elements(new Uint8Array(data).buffer, size);
  const to = elements(out.buffer, size) as typeof from;
  let stride = 1;
  const strides = shape.map((length) => {
    const own = stride;
    stride *= length;
    return own;
  });
  const index = new Array<number>(shape.length).fill(0);
  let source = 0;
  for (let target = 0; target < to.length; target++) {
    (to as { [position: number]: number | bigint })[target] = from[source] as number | bigint;
    for (let dim = shape.length - 1; dim >= 0; dim--) {
      index[dim] = (index[dim] as number) + 1;
      source += strides[dim] as number;
      if ((index[dim] as number) < (shape[dim] as number)) break;
      source -= (strides[dim] as number) * (shape[dim] as number);
      index[dim] = 0;
    }
  }
  return out;
}

function elements(buffer: ArrayBufferLike, size: number): Uint8Array | Uint16Array | Uint32Array | BigUint64Array {
  if (size === 1) return new Uint8Array(buffer);
  if (size === 2) return new Uint16Array(buffer);
  return size === 4 ? new Uint32Array(buffer) : new BigUint64Array(buffer);
}
