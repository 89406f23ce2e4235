/** What a source holds, in memory that threads share: a million paths are stored once, not once a worker. */

import path from "node:path";
import { toChannels } from "../decode/colour.js";
import { DataError } from "../errors.js";
import type { Picture } from "../resample.js";
import type { Source } from "../source.js";

export type SourceContent = Source["content"];

/** Paths as UTF-8 one after the other; path i is bytes ends[i − 1] … ends[i]. */
interface SharedFiles {
  readonly kind: "files";
  readonly root: string;
  readonly bytes: Uint8Array;
  readonly ends: Float64Array;
}

export type SharedContent = SharedFiles | Extract<SourceContent, { kind: "pixels" }>;

/** Pixels that do not lie in shared memory yet are copied once. */
export function shareContent(content: SourceContent): SharedContent {
  if (content.kind === "pixels") {
    if (content.data.buffer instanceof SharedArrayBuffer) return content;
    const data = new Uint8Array(new SharedArrayBuffer(content.data.length));
    data.set(content.data);
    return { ...content, data };
  }
  const ends = new Float64Array(new SharedArrayBuffer(content.paths.length * 8));
  let total = 0;
  content.paths.forEach((name, i) => {
    total += Buffer.byteLength(name);
    ends[i] = total;
  });
  const bytes = new Uint8Array(new SharedArrayBuffer(total));
  const encoder = new TextEncoder();
  // encodeInto does not take shared memory everywhere, so each path goes through bytes of its own.
  content.paths.forEach((name, i) => {
    bytes.set(encoder.encode(name), i === 0 ? 0 : ends[i - 1]);
  });
  return { kind: "files", root: content.root, bytes, ends };
}

export function pathOf(files: SharedFiles, sample: number): string {
  const start = sample === 0 ? 0 : (files.ends[sample - 1] as number);
  const name = Buffer.from(files.bytes.slice(start, files.ends[sample])).toString("utf8");
  return path.resolve(files.root, name);
}

export function pixelsOf(content: Extract<SharedContent, { kind: "pixels" }>, sample: number): Picture {
  const { height, width, channels } = content;
  const length = height * width * channels;
  return { data: content.data.subarray(sample * length, (sample + 1) * length), height, width, channels };
}

/** Whether `withChannels` can make the one out of the other. */
export function hasChannels(of: number, channels: number): boolean {
  return of === channels || (of === 1 && channels === 3) || ((of === 3 || of === 4) && channels === 1);
}

/** Grey pictures are repeated into colours; the rest is as for decoded files. @throws DataError for other changes */
export function withChannels(picture: Picture, channels: number): Picture {
  if (picture.channels === channels) return picture;
  const { height, width, data } = picture;
  if (picture.channels === 1 && channels === 3) {
    const colours = new Uint8Array(data.length * 3);
    for (let i = 0; i < data.length; i++) colours.fill(data[i] as number, i * 3, i * 3 + 3);
    return { data: colours, height, width, channels };
  }
  if ((picture.channels === 3 || picture.channels === 4) && channels === 1) return toChannels(picture, 1);
  throw new DataError({
    code: "channels",
    path: "channels",
    expected: `1 or ${picture.channels} for these pictures`,
    actual: channels,
    remedy: "Set data.channels to what the pictures have.",
  });
}
