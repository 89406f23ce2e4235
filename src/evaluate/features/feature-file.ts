/** Feature vectors written row by row: NumPy, safetensors or CSV, with the pictures' names beside the numbers. */

import { extname } from "node:path";
import { LacunaError } from "../../errors.js";
import { csvCell } from "../../formats/csv.js";
import { npyHeader } from "../../formats/npy.js";
import { safetensorsHeader } from "../../formats/safetensors.js";
import { AtomicFile } from "../../runs/write-atomic.js";

/** By its ending. */
export const featureFormats = [".npy", ".safetensors", ".csv"] as const;

/** Where the names stand that a format has no room for. */
function namesFile(path: string): string {
  return `${path.slice(0, -extname(path).length)}.names.txt`;
}

function unequal(expected: readonly [rows: number, dimensions: number], actual: number): LacunaError {
  return new LacunaError({
    code: "row-count",
    path: "features",
    expected,
    actual,
    remedy: "Give a row for each name.",
  });
}

/** Holds one batch at a time. The file appears under its name when it is complete. @throws FileError */
export class FeatureFile implements Disposable {
  readonly #format: string;
  readonly #values: AtomicFile;
  readonly #names: AtomicFile | undefined;
  readonly #headerBytes: number;
  #rows = 0;

  /** @param most rows at most: the header keeps room for their number */
  constructor(
    readonly path: string,
    private readonly dimensions: number,
    private readonly most: number,
    private readonly metadata: Readonly<Record<string, string>>,
  ) {
    this.#format = extname(path).toLowerCase();
    const header = this.#header(most, 0);
    this.#headerBytes = header.length;
    this.#values = new AtomicFile(path);
    try {
      this.#names = this.#format === ".csv" ? undefined : new AtomicFile(namesFile(path));
      this.#values.write(header);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** @param values float32 [names.length × dimensions] */
  add(names: readonly string[], values: Float32Array): void {
    if (values.length !== names.length * this.dimensions) throw unequal([names.length, this.dimensions], values.length);
    this.#rows += names.length;
    if (this.#names === undefined) {
      this.#values.write(this.#lines(names, values));
      return;
    }
    this.#values.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    this.#names.write(names.map((name) => `${name.replaceAll("\n", "\\n")}\n`).join(""));
  }

  /** Puts the number of rows right and the files in place. @returns their paths */
  finish(): string[] {
    if (this.#format !== ".csv" && this.#rows < this.most)
      this.#values.write(this.#header(this.#rows, this.#headerBytes), 0);
    const files = this.#names === undefined ? [this.#values] : [this.#values, this.#names];
    AtomicFile.commit(...files);
    return files.map(({ path }) => path);
  }

  /** Removes what is not finished. */
  [Symbol.dispose](): void {
    this.#values[Symbol.dispose]();
    this.#names?.[Symbol.dispose]();
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
}

/** Nine digits tell every float32 apart. */
function shortest(value: number): string {
  return Number(value.toPrecision(9)).toString();
}
