/** A text file that names pictures. */
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { DataError } from "../../errors.js";
import { fingerprintOfFiles, inByteOrder } from "../files.js";
import { emptyPart } from "../folder.js";
import { textOfBytes } from "../names.js";
import type { FileListSpec, FileSource } from "../spec.js";
import { inPart } from "../split/part.js";
import { type Row, readTable } from "./table.js";

/**
 * Opens the list, or the table. The order of the lines is the order of the samples; labels are numbered in the order of their numbers if
 * all are whole numbers, else of their bytes. Of a list every line has one or none has; of a table rows without one have label −1.
 * A line whose file is missing stays: it is a bad picture, and treated like other bad pictures.
 * @throws DataError missing, not-a-list, no-pictures, mixed-labels, empty-part
 */
export async function openFileList(spec: FileListSpec): Promise<FileSource> {
  const file = resolve(spec.path);
  const lines = readLines(file);
  const root = dirname(file);
  const classes = classesOf(lines);
  const number = new Map(classes?.map((name, i) => [name, i]));
  const all = lines.map(({ path }) => path);
  const isChosen = inPart(all, spec, (index) => lines[index]?.label);
  const chosen = lines.filter((_, index) => isChosen[index]);
  if (chosen.length === 0) throw emptyPart(file, spec, lines.length);
  const paths = chosen.map(({ path }) => relative(root, resolve(root, path)));
  return {
    spec,
    size: paths.length,
    fingerprint: fingerprintOfFiles(root, paths),
    classes,
    labels: classes && Int32Array.from(chosen, ({ label }) => number.get(label ?? "") ?? -1),
    ...(lines.every(({ caption }) => caption === undefined)
      ? {}
      : { captions: chosen.map(({ caption = "" }) => caption) }),
    name: (index) => chosen[index]?.path ?? `(no sample ${index})`,
    content: { kind: "files", root, paths },
  };
}

/** The pictures at these paths as a source; each keeps the name that it was given. One that is missing is a bad picture. */
export function sourceOfFiles(paths: readonly string[]): FileSource {
  const root = "/";
  const below = paths.map((path) => relative(root, resolve(path)));
  return {
    spec: { kind: "list", path: "(files by name)", part: "all", holdOut: 0, seed: 0 },
    size: paths.length,
    fingerprint: fingerprintOfFiles(root, below),
    classes: undefined,
    labels: undefined,
    name: (index) => paths[index] ?? `(no sample ${index})`,
    content: { kind: "files", root, paths: below },
  };
}

/** Rows of a table or lines of a plain list. */
function readLines(file: string): Row[] {
  const text = readText(file);
  const lines = readTable(file, text) ?? plainLines(file, text);
  if (lines.length === 0) {
    const remedy = "Write one picture a line: path, and if there are labels a tab and the label.";
    throw new DataError({ code: "no-pictures", path: file, expected: "a list of pictures", actual: "no line", remedy });
  }
  return lines;
}

function plainLines(file: string, whole: string): Row[] {
  const lines: Row[] = [];
  let unlabelled: number | undefined;
  let labelled: number | undefined;
  for (const [i, text] of whole.split(/\r?\n/).entries()) {
    if (text.trim() === "") continue;
    const [path, label] = splitLine(text);
    if (label === undefined) unlabelled ??= i + 1;
    else labelled ??= i + 1;
    lines.push({ path, label, caption: undefined });
  }
  if (labelled !== undefined && unlabelled !== undefined) {
    throw new DataError({
      code: "mixed-labels",
      path: file,
      expected: "a label on every line or on none",
      actual: `one on line ${labelled}, none on line ${unlabelled}`,
      remedy: "A label stands behind a tab.",
    });
  }
  return lines;
}

function splitLine(text: string): [string, string | undefined] {
  const tab = text.lastIndexOf("\t");
  if (tab === -1) return [text, undefined];
  const label = text.slice(tab + 1).trim();
  return [text.slice(0, tab), label === "" ? undefined : label];
}

function readText(file: string): string {
  const text = readWhole(file);
  if (!text.includes("\0")) return text;
  throw new DataError({
    code: "not-a-list",
    path: file,
    expected: "a folder of pictures, or a text file that names one a line",
    actual: "a file of bytes",
    remedy: "Unpack an archive, and give the folder that the pictures are in.",
  });
}

function readWhole(file: string): string {
  try {
    return textOfBytes(readFileSync(file)).replace(/^\ufeff/, "");
  } catch (cause) {
    throw new DataError({
      code: "missing",
      path: file,
      expected: "a text file that lists pictures",
      actual: (cause as NodeJS.ErrnoException).code ?? String(cause),
      remedy: "Check the path.",
      cause,
    });
  }
}

function classesOf(lines: readonly Row[]): string[] | undefined {
  const names = new Set(lines.flatMap(({ label }) => label ?? []));
  if (names.size === 0) return undefined;
  const isNumber = (name: string) => /^-?\d{1,15}$/.test(name);
  if ([...names].every(isNumber)) return [...names].sort((a, b) => Number(a) - Number(b));
  return inByteOrder([...names]);
}
