// Records: what a bench measured, kept as JSON, a result for each case and precision.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BenchError } from "./peer.mjs";

export const formatVersion = 1;
export const root = join(import.meta.dirname, "..");

/** records/<date>-bench of a date; with a processor's name behind it where it is not the one that is measured most. */
export function recordFolder(date, records = join(root, "records"), processor = "") {
  return join(records, `${date.toISOString().slice(0, 10)}-bench${processor === "" ? "" : `-${processor}`}`);
}

/** The records of every other processor, each one's oldest first, in the order of the processors' names. */
export function otherRecords(records = join(root, "records")) {
  const folders = existsSync(records) ? readdirSync(records).sort() : [];
  const byProcessor = new Map();
  for (const name of folders) {
    const [, processor] = /^\d{4}-\d\d-\d\d-bench-(.+)$/.exec(name) ?? [];
    if (processor === undefined || !existsSync(join(records, name, "bench.json"))) continue;
    byProcessor.set(processor, [...(byProcessor.get(processor) ?? []), join(records, name)]);
  }
  return [...byProcessor].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, own]) => own);
}

/** The newest records/…-bench that holds a result; undefined where there is none. */
export function newestRecord(records = join(root, "records")) {
  const folders = existsSync(records) ? readdirSync(records) : [];
  const dated = folders.filter((name) => /^\d{4}-\d\d-\d\d-bench$/.test(name)).sort();
  return dated.map((name) => join(records, name)).findLast((folder) => existsSync(join(folder, "bench.json")));
}

/** @throws BenchError for a file of another version */
export function readRecord(folder) {
  const record = JSON.parse(readFileSync(join(folder, "bench.json"), "utf8"));
  if (record.formatVersion === formatVersion) return record;
  throw new BenchError(`${folder} has format ${record.formatVersion}, this bench reads ${formatVersion}.`);
}

/** Results with a new one in place of an older of the same case, batch and precision. */
export function merge(results, result) {
  const key = ({ settings, precision }) => `${settings.name} ${settings.batch} ${precision}`;
  return [...results.filter((other) => key(other) !== key(result)), result];
}

/** Adds to the record of today: `change` takes what is there and returns what shall be. @returns the folder */
export function writeRecord(change, folder = recordFolder(new Date())) {
  const empty = { formatVersion, results: [] };
  const before = existsSync(join(folder, "bench.json")) ? readRecord(folder) : empty;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "bench.json"), `${JSON.stringify(change(before), null, 2)}\n`);
  return folder;
}

/** One record of several, oldest first: the newest result of each case, batch and precision. */
export function joinedRecords(folders) {
  return { formatVersion, results: folders.flatMap((folder) => readRecord(folder).results).reduce(merge, []) };
}
