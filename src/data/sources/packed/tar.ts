/** Tar archives of pictures and captions (WebDataset's shards) as a source of pictures. */
import { createReadStream, readdirSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { pipeline } from "node:stream";
import { extract } from "tar-stream";
import { DataError } from "../../errors.js";
import { fingerprintOfFiles, inByteOrder } from "../files.js";
import { emptyPart } from "../folder.js";
import { captionAmong } from "../lists/table.js";
import { hasPictureName, statOf } from "../names.js";
import type { FileSource, TarSpec } from "../spec.js";
import { inPart } from "../split/part.js";
import { pathOfEntry } from "./tar-entry.js";

/** A longer text is no caption, and is not read. */
const MOST_TEXT_BYTES = 2 ** 20;
/** In front of a file's bytes. */
const HEADER_BYTES = 512;

interface TarPicture {
  /** Path in the source, with offset and length. */
  readonly path: string;
  /** The archive and the picture's name in it. */
  readonly name: string;
  /** "" for none. */
  readonly caption: string;
}

/**
 * Opens the archives: one, all of a folder, or those that a pattern names (`shards/0*.tar`), in the byte order of their names. A picture's
 * caption is the text of its own name in the same archive, `000001.txt` beside `000001.jpg`, or in `000001.json` what stands under
 * `caption`, `text` or `title`. Each archive is read through once; pictures stay where they are, only their places and captions are kept.
 * @throws DataError missing, bad-shard (cut off, or no tar), no-pictures, empty-part
 */
export async function openTar(spec: TarSpec): Promise<FileSource> {
  const { root, archives } = archivesOf(spec.path);
  const pictures: TarPicture[] = [];
  for (const archive of archives) pictures.push(...(await picturesIn(root, archive)));
  if (pictures.length === 0) throw refuse("no-pictures", spec.path, "pictures in the archives", "none");
  const isChosen = inPart(
    pictures.map(({ name }) => name),
    spec,
    () => undefined,
  );
  const chosen = pictures.filter((_, index) => isChosen[index]);
  if (chosen.length === 0) throw emptyPart(spec.path, spec, pictures.length);
  const paths = chosen.map(({ path }) => path);
  return {
    spec,
    size: chosen.length,
    fingerprint: fingerprintOfFiles(root, [...archives, ...paths]),
    classes: undefined,
    labels: undefined,
    ...(pictures.every(({ caption }) => caption === "") ? {} : { captions: chosen.map(({ caption }) => caption) }),
    name: (index) => chosen[index]?.name ?? `(no sample ${index})`,
    content: { kind: "files", root, paths },
  };
}

/** @returns root, and the archives' names in it */
function archivesOf(path: string): { readonly root: string; readonly archives: readonly string[] } {
  const whole = resolve(path);
  const stats = statOf(whole);
  if (stats?.isFile() === true) return { root: dirname(whole), archives: [basename(whole)] };
  const root = stats === undefined ? dirname(whole) : whole;
  const wanted = stats === undefined ? matching(basename(whole)) : () => true;
  const archives = namesIn(root).filter((name) => isTarName(name) && wanted(name));
  if (archives.length === 0) {
    const actual = stats === undefined ? "no archive of that name" : "a folder without one";
    throw refuse("missing", whole, "tar archives", actual);
  }
  return { root, archives: inByteOrder(archives) };
}

const isTarName = (name: string): boolean => !name.startsWith(".") && extname(name).toLowerCase() === ".tar";

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // then there are no archives, which is said
  }
}

/** Whether a name is one of a pattern, in which `*` stands for any letters. */
function matching(pattern: string): (name: string) => boolean {
  const literal = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const expression = new RegExp(`^${literal.join(".*")}$`, "s");
  return (name) => expression.test(name);
}

async function picturesIn(root: string, archive: string): Promise<TarPicture[]> {
  const places: { readonly name: string; readonly offset: number; readonly length: number }[] = [];
  const captions = new Map<string, string>();
  const unpacking = extract();
  const path = join(root, archive);
  pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), unpacking, () => {}); // what fails is thrown below
  try {
    for await (const entry of unpacking) {
      const { name, type, size } = entry.header;
      const kind = extname(name).toLowerCase();
      if (type !== "file" || basename(name).startsWith(".")) entry.resume();
      else if ((kind === ".txt" || kind === ".json") && size <= MOST_TEXT_BYTES) {
        const caption = captionIn(await textOf(entry), kind);
        if (kind === ".txt" || !captions.has(stemOf(name))) captions.set(stemOf(name), caption);
      } else {
        if (hasPictureName(name)) places.push({ name, offset: entry.offset + HEADER_BYTES, length: size });
        entry.resume();
      }
    }
  } catch (cause) {
    throw badArchive(path, places.length, cause);
  }
  return places.map(({ name, ...place }) => ({
    path: pathOfEntry({ archive, ...place }, name),
    name: `${archive}/${name}`,
    caption: captions.get(stemOf(name)) ?? "",
  }));
}

const stemOf = (name: string): string => name.slice(0, name.length - extname(name).length);

async function textOf(entry: AsyncIterable<unknown>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of entry) parts.push(part as Uint8Array);
  return Buffer.concat(parts).toString("utf8").trim();
}

/** "" for a text without one. */
function captionIn(text: string, kind: string): string {
  if (kind === ".txt") return text;
  try {
    const fields: unknown = JSON.parse(text);
    return typeof fields === "object" && fields !== null ? (captionAmong(fields as Record<string, unknown>) ?? "") : "";
  } catch {
    return ""; // a picture without a caption, which is named as such
  }
}

function badArchive(path: string, pictures: number, cause: unknown): DataError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const after = pictures === 0 ? "" : ` behind ${pictures} pictures`;
  const told = [
    [/unexpected end/i, "one that is cut off"],
    [/invalid tar header/i, "other bytes"],
  ] as const;
  const actual = `${told.find(([pattern]) => pattern.test(message))?.[1] ?? message}${after}`;
  return refuse("bad-shard", path, "a whole tar archive, not compressed", actual, cause);
}

function refuse(code: string, path: string, expected: string, actual: string, cause?: unknown): DataError {
  const remedies: Readonly<Record<string, string>> = {
    "bad-shard": "Copy the archive again, unpack it if it is compressed, or take it out of the set.",
    "no-pictures": "Archives hold pictures and their captions under one name: 000001.jpg, 000001.txt.",
  };
  return new DataError({ code, path, expected, actual, remedy: remedies[code] ?? "Check the path.", cause });
}
