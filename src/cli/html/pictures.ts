/** The pictures of a run, made small enough to stand inside a report. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import type { RunEvent } from "../../index.js";

export interface Frame {
  readonly step: number;
  readonly note: string;
  /** `data:image/…` */
  readonly source: string;
  readonly width: number;
  readonly height: number;
}

/** Pictures that are shown; more would make the file large and tell no more. */
const mostFrames = 12;
/** A larger PNG becomes a WebP. */
const largestPng = 150_000;
const widest = 1200;

/** First and last, and what lies evenly between them; pictures that are gone are left out. */
export async function framesOf(folder: string, events: readonly RunEvent[]): Promise<Frame[]> {
  const previews = events.filter((event) => event.type === "preview");
  const chosen = evenly(previews, mostFrames);
  const frames = await Promise.all(
    chosen.map(async ({ step, note, path }) => {
      const image = await embedded(join(folder, path));
      return image === undefined ? [] : [{ step, note, ...image }];
    }),
  );
  return frames.flat();
}

/** At most `count` of a list, first and last among them. */
export function evenly<T>(list: readonly T[], count: number): T[] {
  if (list.length <= count) return [...list];
  return Array.from({ length: count }, (_, i) => list[Math.round((i * (list.length - 1)) / (count - 1))] as T);
}

async function embedded(path: string): Promise<Omit<Frame, "step" | "note"> | undefined> {
  try {
    const bytes = readFileSync(path);
    const { width, height } = await sharp(bytes).metadata();
    if (bytes.length <= largestPng)
      return { source: `data:image/png;base64,${bytes.toString("base64")}`, width, height };
    const resized = sharp(bytes)
      .resize({ width: Math.min(width, widest) })
      .webp({ quality: 82 });
    const { data, info } = await resized.toBuffer({ resolveWithObject: true });
    return { source: `data:image/webp;base64,${data.toString("base64")}`, width: info.width, height: info.height };
  } catch {
    return undefined; // removed, or cut short by a full disk
  }
}
