/** Gathers the inspections of a source, of which few numbers stay: a hundred thousand files are a few dozen megabytes. */
import { extname } from "node:path";
import { BAD_PICTURE_CODES, type BadPictureCode } from "../errors.js";
import { EXTENSIONS } from "../sources/names.js";
import { recordPath } from "../sources/packed/records.js";
import { DuplicateSearch } from "./duplicates.js";
import { type GoodFile, type Inspection, isBad } from "./inspect.js";
import type { DoctorReport } from "./report.js";

/** A file, and what is particular about it. */
export interface Noted {
  readonly index: number;
  readonly detail?: string;
}

/** What may be odd about a picture that can be used. */
export const ODDITIES = [
  "damaged",
  "tiny",
  "large",
  "long",
  "blank",
  "wrapped",
  "white",
  "misnamed",
  "grey",
  "cmyk",
  "deep",
  "alpha",
  "animated",
] as const;
export type Oddity = (typeof ODDITIES)[number];

/** Shorter than this, in pixels, a picture holds hardly more than a patch or two. */
export const TINY_SIDE = 32;
/** Pixels above which decoding takes longer than everything else that is done to a picture. */
export const LARGE_PIXELS = 16e6;
/** Share of pure white from which a picture is named: 95 % of 120 photographs have 0.26 and less; made twice as bright half of them have 0.56 and more. */
export const WHITE_SHARE = 0.5;
/** Longer side over shorter side. */
export const LONG_ASPECT = 4;

export class Collection {
  readonly bad = new Map<BadPictureCode, Noted[]>(BAD_PICTURE_CODES.map((code) => [code, []]));
  readonly odd = new Map<Oddity, Noted[]>(ODDITIES.map((oddity) => [oddity, []]));
  readonly duplicates = new DuplicateSearch();
  readonly #usable: number[] = [];
  readonly #widths: number[] = [];
  readonly #heights: number[] = [];
  readonly #bytes: number[] = [];
  readonly #formats = new Map<string, number>();
  /** Of each channel, over pictures: sums of means, and of mean squares. */
  readonly #means: number[] = [];
  readonly #squares: number[] = [];

  /** Indices of the pictures that can be used. */
  get usable(): readonly number[] {
    return this.#usable;
  }

  add(index: number, path: string, inspection: Inspection): void {
    if (isBad(inspection)) {
      this.bad.get(inspection.code)?.push({ index, detail: inspection.reason });
      return;
    }
    const { width, height, bytes, facts, channels } = inspection;
    this.#usable.push(index);
    this.#widths.push(width);
    this.#heights.push(height);
    this.#bytes.push(bytes);
    this.#formats.set(facts.format, (this.#formats.get(facts.format) ?? 0) + 1);
    channels.mean.forEach((value, c) => {
      this.#means[c] = (this.#means[c] ?? 0) + value;
      this.#squares[c] = (this.#squares[c] ?? 0) + (channels.square[c] as number);
    });
    for (const [oddity, detail] of odditiesOf(path, inspection)) this.odd.get(oddity)?.push({ index, detail });
    this.duplicates.add(index, { ...inspection, thumbnail: Buffer.from(inspection.thumbnail, "base64") });
  }

  statistics(): DoctorReport["statistics"] {
    const count = this.#usable.length;
    if (count === 0) return undefined;
    const mean = this.#means.map((sum) => sum / count);
    const variance = this.#squares.map((sum, c) => sum / count - (mean[c] as number) ** 2);
    return {
      width: spread(this.#widths),
      height: spread(this.#heights),
      shorterSide: spread(this.#widths.map((width, i) => Math.min(width, this.#heights[i] as number))),
      aspect: spread(this.#widths.map((width, i) => width / (this.#heights[i] as number))),
      fileBytes: spread(this.#bytes),
      totalBytes: this.#bytes.reduce((sum, bytes) => sum + bytes, 0),
      formats: Object.fromEntries([...this.#formats].sort(([, a], [, b]) => b - a)),
      mean,
      deviation: variance.map((value) => Math.sqrt(Math.max(0, value))),
    };
  }
}

function spread(values: readonly number[]): { least: number; median: number; most: number } {
  const ordered = Float64Array.from(values).sort();
  const at = (index: number) => ordered[index] as number;
  return { least: at(0), median: at((ordered.length - 1) >> 1), most: at(ordered.length - 1) };
}

const extensionsOf: Readonly<Record<string, readonly string[]>> = EXTENSIONS;

/** Whether no channel deviates by more than a level: what is left of one colour after JPEG. */
function isBlank({ mean, square }: GoodFile["channels"]): boolean {
  return mean.every((value, c) => (square[c] as number) - value * value < 1 / 255 ** 2);
}

/** Type and range; of ordinary pictures of 16 bits only that, whose upper bytes are used. */
function numbersText({ facts: { bits, numbers }, channels }: GoodFile): string {
  const left = isBlank(channels) ? ", of which 8 bits show one colour: stretch their range first" : "";
  if (numbers === undefined) return `${bits} bits${left}`;
  const [low, high] = [numbers.low, numbers.high].map((value) => Number(value.toPrecision(4)));
  return `${numbers.type}, ${low} to ${high}${left}`;
}

function* odditiesOf(path: string, file: GoodFile): Generator<[Oddity, string]> {
  const { width, height, facts, channels } = file;
  const size = `${width} × ${height}`;
  const aspect = Math.max(width, height) / Math.min(width, height);
  if (facts.damaged) yield ["damaged", "errors in its data"];
  if (Math.min(width, height) < TINY_SIDE) yield ["tiny", size];
  if (width * height > LARGE_PIXELS) yield ["large", size];
  if (aspect > LONG_ASPECT) yield ["long", size];
  if (facts.bits > 8 || facts.numbers !== undefined) yield ["deep", numbersText(file)];
  else if (isBlank(channels)) yield ["blank", "one colour all over"];
  if (file.white >= WHITE_SHARE && !isBlank(channels)) yield ["white", `${(100 * file.white).toFixed(0)} % of it`];
  if (file.wrapped) yield ["wrapped", "neighbours jump between white and black"];
  const extension = extname(path).toLowerCase();
  const isPacked = recordPath(`/${path}`) !== undefined; // it has the name of the file that it was
  if (!isPacked && !extensionsOf[facts.format]?.includes(extension)) {
    yield ["misnamed", `is ${facts.format.toUpperCase()}`];
  }
  if (facts.colour === "cmyk") yield ["cmyk", "CMYK"];
  else if (facts.colour === "grey") yield ["grey", "stored as grey"];
  else if (channels.grey) yield ["grey", "stored in colour"];
  if (facts.alpha) yield ["alpha", "transparent parts"];
  if (facts.frames > 1) yield ["animated", `${facts.frames} frames or pages`];
}
