/** Feature vectors written row by row: NumPy, safetensors or CSV, with the pictures' names beside the numbers. */
import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { extname } from "node:path";
import { npyHeader, safetensorsHeader } from "../../index.js";
import { UsageError } from "../errors.js";
import { csvCell } from "./csv.js";

const formats = [".npy", ".safetensors", ".csv"] as const;
type Format = (typeof formats)[number];

/** @throws UsageError for an ending that is none of the three */
export function featureFormat(path: string): Format {
  const format = formats.find((known) => known === extname(path).toLowerCase());
  if (format !== undefined) return format;
  throw new UsageError({
    code: "out",
    path: "--out",
    expected: `a file that ends in ${formats.join(", ")}`,
    actual: path,
  });
}

/** Where the names stand that a format has no room for. */
function namesFile(path: string): string {
  return `${path.slice(0, -extname(path).length)}.names.txt`;
}

/** Holds one batch at a time. The file appears under its name when it is complete. */
export class FeatureFile implements Disposable {
  readonly #format: Format;
  readonly #temporary: string;
  #descriptor: number | undefined;
  #names: number | undefined;
  #headerBytes = 0;
  #rows = 0;

  /** @param most rows at most: the header keeps room for their number */
  constructor(
    readonly path: string,
    private readonly dimensions: number,
    private readonly most: number,
    private readonly metadata: Readonly<Record<string, string>>,
  ) {
    this.#format = featureFormat(path);
    this.#temporary = `${path}.part`;
    this.#descriptor = openSync(this.#temporary, "w");
    if (this.#format !== ".csv") this.#names = openSync(`${namesFile(path)}.part`, "w");
    const header = this.#header(most, 0);
    this.#headerBytes = header.length;
    this.#write(this.#descriptor, header);
  }

  /** @param values float32 [names.length × dimensions] */
  add(names: readonly string[], values: Float32Array): void {
    if (values.length !== names.length * this.dimensions) throw new RangeError("rows and names do not fit");
    this.#rows += names.length;
    if (this.#format === ".csv") this.#write(this.#descriptor, this.#lines(names, values));
    else {
      this.#write(this.#descriptor, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      this.#write(this.#names, names.map((name) => `${name.replaceAll("\n", "\\n")}\n`).join(""));
    }
  }

  /** Puts the number of rows right and the files in place. @returns their paths */
  finish(): string[] {
    if (this.#format !== ".csv" && this.#rows < this.most)
      writeSync(this.#descriptor as number, this.#header(this.#rows, this.#headerBytes), 0, this.#headerBytes, 0);
    this.#close();
    renameSync(this.#temporary, this.path);
    if (this.#format === ".csv") return [this.path];
    renameSync(`${namesFile(this.path)}.part`, namesFile(this.path));
    return [this.path, namesFile(this.path)];
  }

  /** Removes what is not finished. */
  [Symbol.dispose](): void {
    this.#close();
    for (const file of [this.#temporary, `${namesFile(this.path)}.part`]) rmSync(file, { force: true });
  }

  #close(): void {
    for (const descriptor of [this.#descriptor, this.#names]) if (descriptor !== undefined) closeSync(descriptor);
    this.#descriptor = undefined;
    this.#names = undefined;
  }

  #header(rows: number, least: number): Uint8Array {
    const shape = [rows, this.dimensions];
    if (this.#format === ".npy") return npyHeader("F32", shape); // keeps its length for fewer rows
    if (this.#format === ".safetensors")
      return safetensorsHeader("features", { dtype: "F32", shape }, this.metadata, least);
    return Buffer.from(`name,${Array.from({ length: this.dimensions }, (_, i) => `f${i}`).join(",")}\n`);
  }

  #lines(names: readonly string[], values: Float32Array): string {
    return names
      .map((name, row) => {
        const numbers = Array.from(values.subarray(row * this.dimensions, (row + 1) * this.dimensions), shortest);
        return `${csvCell(name)},${numbers.join(",")}\n`;
      })
      .join("");
  }

  #write(descriptor: number | undefined, data: Uint8Array | string): void {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor as number, bytes, done);
  }
}

/** Nine digits tell every float32 apart. */
function shortest(value: number): string {
  return Number(value.toPrecision(9)).toString();
}
