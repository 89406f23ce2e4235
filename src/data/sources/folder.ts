/** A folder tree of pictures. */
import { extname, resolve } from "node:path";
import { DataError } from "../errors.js";
import { type FoundFiles, findFiles, fingerprintOfFiles, inByteOrder } from "./files.js";
import { PICTURE_EXTENSIONS, statOf } from "./names.js";
import type { FileSource, FolderSpec } from "./spec.js";
import { splitOfName } from "./split/folders.js";
import { inPart } from "./split/part.js";

/**
 * Opens the tree. Classes exist when every picture lies in a folder below the root and there are at least two such
 * folders; they are taken from the whole tree, so that both sides of a split number them alike. Where all folders of the
 * root are parts of a set (`train`, `valid`), classes are the folders below those.
 * @throws DataError missing, not-a-folder, unreadable, no-pictures, empty-part
 */
export async function openFolder(spec: FolderSpec): Promise<FileSource> {
  const root = resolve(spec.path);
  const stats = statOf(root);
  if (!stats?.isDirectory()) throw noFolder(root, stats !== undefined);
  const found = await findFiles(root).catch((cause: unknown) => {
    throw unreadable(root, cause);
  });
  if (found.pictures.length === 0) throw noPictures(root, found);
  const { classes, classOf } = classesOf(found.pictures);
  const chosen = inPart(found.pictures, spec, (index) => classes && classOf(found.pictures[index] as string));
  const paths = found.pictures.filter((_, index) => chosen[index]);
  if (paths.length === 0) throw emptyPart(root, spec, found.pictures.length);
  const number = new Map(classes?.map((name, i) => [name, i]));
  return {
    spec,
    size: paths.length,
    fingerprint: fingerprintOfFiles(root, paths),
    classes,
    labels: classes && Int32Array.from(paths, (path) => number.get(classOf(path)) ?? -1),
    name: (index) => paths[index] ?? `(no sample ${index})`,
    content: { kind: "files", root, paths },
    ...(found.unreachable.length === 0 ? {} : { unreachable: found.unreachable }),
  };
}

/** "" where a path has no such folder. @param depth 0 for the first */
const folderOf = (path: string, depth: number): string => path.split("/").slice(0, -1)[depth] ?? "";

interface Classes {
  readonly classes: string[] | undefined;
  classOf(path: string): string;
}

function classesOf(paths: readonly string[]): Classes {
  const foldersAt = (depth: number): string[] => [...new Set(paths.map((path) => folderOf(path, depth)))];
  const isParted = foldersAt(0).every((folder) => splitOfName(folder) !== undefined);
  const depth = isParted ? 1 : 0;
  const folders = foldersAt(depth);
  const classes = folders.includes("") || folders.length < 2 ? undefined : inByteOrder(folders);
  return { classes, classOf: (path) => folderOf(path, depth) };
}

function noFolder(path: string, isFile: boolean): DataError {
  const code = isFile ? "not-a-folder" : "missing";
  const actual = isFile ? "a file" : "nothing of that name";
  const remedy = isFile ? 'Check the path; a list of pictures is { kind: "list" }.' : "Check the path.";
  return new DataError({ code, path, expected: "a folder of pictures", actual, remedy });
}

function unreadable(path: string, cause: unknown): DataError {
  const actual = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const remedy = "Give yourself the right to read it: chmod u+rx, or ask its owner.";
  return new DataError({ code: "unreadable", path, expected: "a folder that can be read", actual, remedy, cause });
}

/** Pictures that Lacuna does not read: what they are is said, and how they become readable. */
const UNREAD_EXTENSIONS = new Set([
  ".bmp",
  ".heic",
  ".heif",
  ".jp2",
  ".jxl",
  ".tga",
  ".ico",
  ".psd",
  ".dng",
  ".cr2",
  ".nef",
]);

function noPictures(path: string, found: FoundFiles): DataError {
  const expected = `files ending in ${[...PICTURE_EXTENSIONS].join(" ")}`;
  const { others, unreachable } = found;
  const left = unreachable.length === 0 ? "" : `, ${unreachable.length} that cannot be reached`;
  const unread = [...new Set(others.map((path) => extname(path).toLowerCase()))].filter((extension) =>
    UNREAD_EXTENSIONS.has(extension),
  );
  const kinds = unread.length === 0 ? "" : ` (${unread.join(", ")})`;
  const actual = (others.length === 0 ? "no file at all" : `${others.length} other files${kinds}`) + left;
  const [first] = unread;
  const remedy =
    first === undefined
      ? "Give the folder that holds the pictures, at any depth; hidden files are left out."
      : `Convert them, for example with ImageMagick: mogrify -format png *${first}`;
  return new DataError({ code: "no-pictures", path, expected, actual, remedy });
}

/** The error of a split that leaves nothing on the side that was asked for. */
export function emptyPart(path: string, spec: { part: string; holdOut: number }, of: number): DataError {
  return new DataError({
    code: "empty-part",
    path,
    expected: `pictures in the part "${spec.part}"`,
    actual: `none of ${of} with holdOut ${spec.holdOut}`,
    remedy: "Choose another holdOut (0.1 holds out every tenth picture), or add pictures.",
  });
}
