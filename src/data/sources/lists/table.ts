/** Tables of pictures: CSV and TSV with a line of names, and JSON by the line. */
import { csvParse, tsvParse } from "d3-dsv";
import { DataError } from "../../errors.js";

/** What a row says of its picture. */
export interface Row {
  readonly path: string;
  readonly label: string | undefined;
  readonly caption: string | undefined;
}

/** The names that a column may have, the usual ones of published sets among them. */
const names = {
  path: ["path", "image", "file", "filename", "file_name", "filepath"],
  label: ["label", "class"],
  caption: ["caption", "text", "title"],
} as const;

type Fields = Readonly<Record<string, unknown>>;

/**
 * The rows of a table, undefined for a file that is none: by its ending `.csv`, `.tsv` or `.jsonl`; a `.tsv` only where its first line
 * names a column of paths, since a plain list has tabs too. Empty rows are left out.
 * @throws DataError "not-a-table" naming the line
 */
export function readTable(file: string, text: string): Row[] | undefined {
  if (/\.jsonl$/i.test(file)) return rowsOf(file, jsonLines(file, text), 1);
  if (/\.csv$/i.test(file)) return rowsOf(file, csvParse(text), 2);
  const [first = ""] = text.split(/\r?\n/, 1);
  const isTable = /\.tsv$/i.test(file) && first.split("\t").some((name) => isNamed("path", name));
  return isTable ? rowsOf(file, tsvParse(text), 2) : undefined;
}

function isNamed(column: keyof typeof names, name: string): boolean {
  return (names[column] as readonly string[]).includes(name.trim().toLowerCase());
}

function jsonLines(file: string, text: string): Fields[] {
  return text.split(/\r?\n/).map((line, i): Fields => {
    if (line.trim() === "") return {};
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
    } catch {
      // said below, as of any other line that is no object
    }
    throw broken(file, i + 1, "an object in JSON", line.slice(0, 60));
  });
}

/** @param firstLine of the first row in the file */
function rowsOf(file: string, rows: readonly Fields[], firstLine: number): Row[] {
  return rows.flatMap((fields, i) => {
    if (Object.values(fields).every((value) => value === "" || value === undefined)) return [];
    const path = fieldOf(fields, "path");
    if (path === undefined)
      throw broken(file, firstLine + i, `a column ${names.path.join(", ")}`, Object.keys(fields).join(", "));
    return [{ path, label: fieldOf(fields, "label"), caption: fieldOf(fields, "caption") }];
  });
}

/** The caption among named values, as of a row; undefined for none. */
export const captionAmong = (fields: Fields): string | undefined => fieldOf(fields, "caption");

function fieldOf(fields: Fields, column: keyof typeof names): string | undefined {
  const found = Object.entries(fields).find(([name]) => isNamed(column, name))?.[1];
  const value = typeof found === "string" || typeof found === "number" ? String(found).trim() : "";
  return value === "" ? undefined : value;
}

function broken(file: string, line: number, expected: string, actual: string): DataError {
  const remedy = "Each picture has a path, relative to the file, and if there is one a caption and a label.";
  return new DataError({ code: "not-a-table", path: `${file}, row at line ${line}`, expected, actual, remedy });
}
