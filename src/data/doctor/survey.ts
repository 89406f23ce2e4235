/** A quick look at a source before training: sizes and channels from headers, mean and deviation from a few pictures. */
import { closeSync, openSync, readSync } from "node:fs";
import { extname, join } from "node:path";
import { readNpyHeader } from "../../formats/npy.js";
import { arraySize } from "../decode/bands.js";
import { claimedSize, isDecoded, sniffFormat } from "../decode/format.js";
import { readJpegHeader } from "../decode/jpeg.js";
import { DEFAULT_MAX_PIXELS, decodeFile } from "../decode.js";
import { hasChannels, pixelsOf, withChannels } from "../loader/content.js";
import type { Source } from "../source.js";
import type { Unreachable } from "../sources/files.js";
import { pathOnDisk } from "../sources/names.js";
import { recordEntry, recordPath } from "../sources/packed/records.js";
import { readTarEntry, tarEntry } from "../sources/packed/tar-entry.js";

/** What a source's pictures are like, judged by a sample. */
export interface PictureSurvey {
  readonly pictures: number;
  /** Pictures whose size is known. */
  readonly sampled: number;
  /** Medians, in pixels; undefined where no size could be read. */
  readonly shorterSide: number | undefined;
  readonly pixels: number | undefined;
  /** As asked for; else 1 where every sampled picture is grey, an array's own number, 3. */
  readonly channels: number;
  /** Pictures have to be decoded from files. */
  readonly isFiles: boolean;
  /** Of each channel, of pixels 0 … 1; undefined where too few pictures could be read. */
  readonly statistics: { readonly mean: number[]; readonly std: number[]; readonly pictures: number } | undefined;
  /** Channels without a deviation to divide by: `all` where the pictures looked at are of one colour. */
  readonly flat?: "all" | "some";
  /** What of a folder could not be reached. */
  readonly unreachable?: readonly Unreachable[];
}

export interface SurveyOptions {
  /** Headers that are read. */
  readonly headers?: number;
  /** Pictures that are decoded for mean and deviation, and for how long at most. */
  readonly decoded?: number;
  readonly decodeMs?: number;
  /** What the run will have, where that is decided. */
  readonly channels?: number;
}

const HEADERS = 200;
const HEAD_BYTES = 256 * 1024; // EXIF and a colour profile stand before a JPEG's size, up to 64 kB each
const FEWEST_FOR_STATISTICS = 16;

/** Looks at pictures spread evenly over the source; reads no file as a whole but the few that are decoded. */
export async function surveyPictures(source: Source, options: SurveyOptions = {}): Promise<PictureSurvey> {
  const { headers = HEADERS, decoded = 48, decodeMs = 5000 } = options;
  const { content, size } = source;
  if (content.kind === "pixels") {
    const wanted = options.channels ?? content.channels;
    const channels = hasChannels(content.channels, wanted) ? wanted : content.channels; // the loader refuses it
    const statistics = new ChannelStatistics(channels);
    for (const i of spread(size, 512)) statistics.add(withChannels(pixelsOf(content, i), channels).data);
    return {
      pictures: size,
      sampled: size,
      shorterSide: Math.min(content.height, content.width),
      pixels: content.height * content.width,
      channels,
      isFiles: false,
      ...statistics.result(),
    };
  }
  const paths = content.paths;
  const found = readHeads(content, headers);
  const channels = options.channels ?? channelsOf(found);
  const statistics = new ChannelStatistics(channels);
  const until = performance.now() + decodeMs;
  for (const i of spread(size, decoded)) {
    if (performance.now() > until) break;
    const limits = { maxPixels: DEFAULT_MAX_PIXELS, timeoutMs: decodeMs, channels };
    const picture = await decodeFile(join(content.root, paths[i] as string), limits).catch(() => undefined);
    if (picture !== undefined) statistics.add(picture.data); // a bad picture is the loader's business
  }
  return {
    pictures: size,
    sampled: found.length,
    shorterSide: median(found.map(({ width, height }) => Math.min(width, height))),
    pixels: median(found.map(({ width, height }) => width * height)),
    channels,
    isFiles: true,
    ...statistics.result(),
    ...(source.unreachable === undefined ? {} : { unreachable: source.unreachable }),
  };
}

/** Of arrays the commonest number, so that a stray file decides nothing; of pictures 1 where all are grey. */
function channelsOf(heads: readonly Head[]): number {
  const arrays = heads.filter(({ isArray }) => isArray);
  if (arrays.length === 0) return heads.length > 0 && heads.every(({ channels }) => channels === 1) ? 1 : 3;
  const counts = new Map<number, number>();
  for (const { channels } of arrays) counts.set(channels, (counts.get(channels) ?? 0) + 1);
  return [...counts].reduce((most, next) => (next[1] > most[1] ? next : most))[0];
}

function readHeads({ root, paths }: Extract<Source["content"], { kind: "files" }>, headers: number): Head[] {
  return spread(paths.length, headers).flatMap((i) => readHead(join(root, paths[i] as string)) ?? []);
}

/** How the doctor looks at files where nobody says: arrays with the channels that they have, pictures in colour. */
export function channelsToExamine(content: Extract<Source["content"], { kind: "files" }>): number {
  const isArrays = content.paths.some((path) => extname(path).toLowerCase() === ".npy");
  return isArrays ? channelsOf(readHeads(content, HEADERS)) : 3;
}

/** At most `wanted` indices below `size`, evenly apart. */
export function spread(size: number, wanted: number): number[] {
  const count = Math.min(size, wanted);
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * size) / count));
}

interface Head {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly isArray: boolean;
}

/** Size and channels from a file's first bytes; undefined where they do not tell. */
function readHead(path: string): Head | undefined {
  try {
    const record = recordPath(path);
    if (record !== undefined) return { ...recordEntry(record), isArray: false };
    const bytes = firstBytes(path);
    const format = sniffFormat(bytes);
    if (!isDecoded(format)) return undefined;
    if (format === "jpeg") {
      const header = readJpegHeader(bytes);
      return header && { ...header, channels: header.components === 1 ? 1 : 3, isArray: false };
    }
    if (format === "npy") {
      const size = arraySize(readNpyHeader(bytes, path).shape);
      return size && { height: size[0], width: size[1], channels: size[2], isArray: true };
    }
    const size = claimedSize(bytes, format);
    const isGrey = format === "png" && (bytes[25] === 0 || bytes[25] === 4); // PNG's colour types without colour
    return size && { ...size, channels: isGrey ? 1 : 3, isArray: false };
  } catch {
    return undefined; // not there or not to be read: met again, and named, when training
  }
}

function firstBytes(path: string): Uint8Array {
  const entry = tarEntry(path);
  if (entry !== undefined) return readTarEntry(entry, path, HEAD_BYTES);
  const descriptor = openSync(pathOnDisk(path), "r");
  try {
    const bytes = Buffer.alloc(HEAD_BYTES);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, HEAD_BYTES, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** Mean and deviation of each channel; every picture has the same weight, and gives at most some thousand pixels. */
class ChannelStatistics {
  readonly #sums: number[];
  readonly #squares: number[];
  #pictures = 0;

  constructor(private readonly channels: number) {
    this.#sums = Array.from({ length: channels }, () => 0);
    this.#squares = Array.from({ length: channels }, () => 0);
  }

  add(data: Uint8Array): void {
    const pixels = data.length / this.channels;
    const stride = Math.max(1, Math.floor(pixels / 8192));
    const used = Math.ceil(pixels / stride);
    for (let channel = 0; channel < this.channels; channel++) {
      let [sum, squares] = [0, 0];
      for (let pixel = 0; pixel < pixels; pixel += stride) {
        const value = (data[pixel * this.channels + channel] as number) / 255;
        sum += value;
        squares += value * value;
      }
      this.#sums[channel] = (this.#sums[channel] as number) + sum / used;
      this.#squares[channel] = (this.#squares[channel] as number) + squares / used;
    }
    this.#pictures++;
  }

  result(): Pick<PictureSurvey, "statistics" | "flat"> {
    const pictures = this.#pictures;
    if (pictures === 0) return { statistics: undefined };
    const mean = this.#sums.map((sum) => sum / pictures);
    const std = this.#squares.map((sum, i) => Math.sqrt(Math.max(0, sum / pictures - (mean[i] as number) ** 2)));
    // All but uniform: dividing by it would blow up noise. Of many channels one may be, as alpha where nothing is transparent.
    const isFlat = (value: number): boolean => value < 0.01;
    if (std.every(isFlat)) return { statistics: undefined, flat: "all" };
    if (pictures < FEWEST_FOR_STATISTICS) return { statistics: undefined };
    if (this.channels <= 3 && std.some(isFlat)) return { statistics: undefined, flat: "some" };
    const round = (values: readonly number[]): number[] => values.map((value) => Number(value.toFixed(3)));
    const all = round(std.map((value) => (isFlat(value) ? 1 : value)));
    return { statistics: { mean: round(mean), std: all, pictures } };
  }
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
