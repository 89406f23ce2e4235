import { byteLength, type Dtype, elementBytes, isDtype } from "./dtype.js";
import { excerpt, FormatError, type FormatErrorCode } from "./errors.js";

/** The reference crate's MAX_HEADER_SIZE. */
export const maximumHeaderBytes = 100_000_000;

const maximumDimensions = 64;
const maximumDepth = 32;

/** One tensor of a file; `start` and `end` are byte offsets into the data section. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order in which they lie in the file. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** `__metadata__`; undefined where the file has none. */
  readonly metadata: Readonly<Record<string, string>> | undefined;
}

/**
 * Reads a header and holds it to what the reference crate requires: the tensors lie one after another with no hole and
 * no overlap, fill the data section exactly, and each is as long as its type and shape say. Beyond the crate, a name
 * that occurs twice is refused (the crate lets the last one win).
 * Not JSON.parse: that hides duplicates and builds whatever a hostile header nests.
 * @throws FormatError
 */
export function parseHeader(text: string, dataBytes: number, path: string): SafetensorsHeader {
  const scanner = new Scanner(text, path);
  const found = new Map<string, SafetensorsEntry>();
  let metadata: Record<string, string> | undefined;
  if (text[0] !== "{") throw scanner.error("a header that begins with {");
  scanner.object((name) => {
    if (name === "__metadata__") {
      if (metadata !== undefined) throw duplicate(path, name);
      metadata = readMetadata(scanner, path);
    } else {
      if (found.has(name)) throw duplicate(path, name);
      found.set(name, readEntry(scanner, name, path));
    }
  });
  scanner.finish();
  const ordered = [...found.values()].sort((a, b) => a.start - b.start || a.end - b.end);
  checkLayout(ordered, dataBytes, path);
  return { entries: new Map(ordered.map((entry) => [entry.name, entry])), metadata };
}

function readMetadata(scanner: Scanner, path: string): Record<string, string> {
  const pairs = new Map<string, string>();
  scanner.object((key) => {
    if (pairs.has(key)) throw duplicate(path, `__metadata__.${key}`);
    pairs.set(key, scanner.string());
  });
  return Object.fromEntries(pairs);
}

function readEntry(scanner: Scanner, name: string, path: string): SafetensorsEntry {
  const seen = new Set<string>();
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.object((key) => {
    if (key === "dtype" || key === "shape" || key === "data_offsets") {
      if (seen.has(key)) throw duplicate(path, `${name}.${key}`);
      seen.add(key);
    }
    if (key === "dtype") dtype = scanner.string();
    else if (key === "shape") shape = scanner.integers(maximumDimensions);
    else if (key === "data_offsets") offsets = scanner.integers(2);
    else scanner.skip(); // the crate ignores what it does not know
  });
  const fail = (code: FormatErrorCode, expected: string, actual: string): FormatError =>
    new FormatError({ code, path: `${path}, tensor ${excerpt(name)}`, expected, actual });
  if (dtype === undefined || shape === undefined || offsets?.length !== 2) {
    throw fail("bad-header", "dtype, shape and two data_offsets", `only ${[...seen].join(", ") || "other keys"}`);
  }
  if (!isDtype(dtype)) {
    throw fail("unsupported-dtype", `a type among ${Object.keys(elementBytes).join(", ")}`, excerpt(dtype));
  }
  const [start, end] = offsets as [number, number];
  const bytes = byteLength(dtype, shape, `${path}, tensor ${excerpt(name)}`);
  if (end - start !== bytes) {
    throw fail("bad-offsets", `${bytes} bytes for ${dtype} [${shape.join(" ")}]`, `offsets ${start} to ${end}`);
  }
  return { name, dtype, shape, start, end };
}

function checkLayout(ordered: readonly SafetensorsEntry[], dataBytes: number, path: string): void {
  let position = 0;
  for (const { name, start, end } of ordered) {
    if (start !== position) {
      const kind = start < position ? "an overlap" : "a hole";
      throw new FormatError({
        code: "bad-offsets",
        path: `${path}, tensor ${excerpt(name)}`,
        expected: `data that begins at ${position}, where the tensor before it ends`,
        actual: `${kind}: it begins at ${start}`,
      });
    }
    position = end;
  }
  if (position === dataBytes) return;
  throw new FormatError({
    code: position > dataBytes ? "truncated" : "trailing-bytes",
    path,
    expected: `${position} bytes of data after the header`,
    actual: `${dataBytes}`,
    remedy:
      position > dataBytes ? "The file is cut off; copy or download it again." : "The file was changed or joined.",
  });
}

function duplicate(path: string, name: string): FormatError {
  return new FormatError({
    code: "duplicate-name",
    path,
    expected: "every name once",
    actual: `${excerpt(name)} twice`,
  });
}

/** Walks JSON text in one pass and keeps nothing but what it is asked for. */
class Scanner {
  private position = 0;

  constructor(
    private readonly text: string,
    private readonly path: string,
  ) {}

  error(expected: string): FormatError {
    const rest = this.text.slice(this.position, this.position + 40);
    const actual = rest === "" ? "the end of the header" : `${excerpt(rest)} at character ${this.position}`;
    return new FormatError({ code: "bad-header", path: this.path, expected, actual });
  }

  /** Calls `member` for each key, with the position at its value. */
  object(member: (key: string) => void): void {
    this.take("{");
    if (this.accept("}")) return;
    do {
      const key = this.string();
      this.take(":");
      member(key);
    } while (this.accept(","));
    this.take("}");
  }

  string(): string {
    this.space();
    const begin = this.position;
    if (this.text[begin] !== '"') throw this.error("a string");
    let end = begin + 1;
    for (let code = this.text.charCodeAt(end); code !== 0x22; code = this.text.charCodeAt(end)) {
      if (Number.isNaN(code)) throw this.error("a string that ends");
      end += code === 0x5c ? 2 : 1;
    }
    const value = this.parse(this.text.slice(begin, end + 1));
    if (!isWellFormed(value)) throw this.error("a string of valid Unicode");
    this.position = end + 1;
    return value;
  }

  integers(limit: number): number[] {
    const values: number[] = [];
    this.take("[");
    if (this.accept("]")) return values;
    do {
      if (values.length === limit) throw this.error(`at most ${limit} numbers`);
      values.push(this.integer());
    } while (this.accept(","));
    this.take("]");
    return values;
  }

  /** Passes over any JSON value without building it. */
  skip(depth = 0): void {
    if (depth > maximumDepth) throw this.error(`values nested at most ${maximumDepth} deep`);
    this.space();
    const first = this.text[this.position];
    if (first === '"') this.string();
    else if (first === "{") this.object(() => this.skip(depth + 1));
    else if (first === "[") {
      this.take("[");
      if (this.accept("]")) return;
      do this.skip(depth + 1);
      while (this.accept(","));
      this.take("]");
    } else this.match(/true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y, "a JSON value");
  }

  finish(): void {
    this.space();
    if (this.position !== this.text.length) throw this.error("nothing after the closing }");
  }

  private integer(): number {
    this.space();
    const begin = this.position;
    const value = Number(this.match(/(?:0|[1-9]\d{0,18})(?![\d.eE])/y, "a whole number ≥ 0"));
    if (Number.isSafeInteger(value)) return value;
    this.position = begin;
    throw this.error("a whole number below 2^53");
  }

  private match(pattern: RegExp, expected: string): string {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) throw this.error(expected);
    this.position += found.length;
    return found;
  }

  private parse(text: string): string {
    try {
      return JSON.parse(text) as string; // checks escapes and control characters
    } catch {
      throw this.error("a valid JSON string");
    }
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.position);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.position++;
    }
  }

  private accept(character: string): boolean {
    this.space();
    if (this.text[this.position] !== character) return false;
    this.position++;
    return true;
  }

  private take(character: string): void {
    if (!this.accept(character)) throw this.error(`"${character}"`);
  }
}

/** Whether a string has no half of a surrogate pair alone, which UTF-8 cannot hold. */
export function isWellFormed(text: string): boolean {
  return !/[\uD800-\uDFFF]/u.test(text);
}
