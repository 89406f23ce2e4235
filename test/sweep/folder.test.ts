import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatRun, runFileName } from "../../src/runs/schema.js";
import { readPoint, SweepFolder } from "../../src/sweep/folder.js";
import { parseConfig, type RunConfigInput } from "../../src/train/config.js";
import { codeOf, exampleRun, temporaryFolders } from "../runs/example.js";

const newFolder = temporaryFolders();
const config = (changes: Partial<RunConfigInput> = {}) =>
  parseConfig({ epochs: 1, data: { source: { kind: "folder", path: "photos" } }, ...changes });
const sweep = (...points: [string, ReturnType<typeof config>][]) => ({
  title: "a sweep",
  command: "lacuna sweep a.ts",
  points: points.map(([id, one]) => ({ id, config: one })),
});

/** As if the point's training had begun. */
function begin(folder: string, id: string): void {
  mkdirSync(join(folder, "points", id), { recursive: true });
  writeFileSync(join(folder, "points", id, runFileName), formatRun(exampleRun({ status: "interrupted" })));
}

test("what is saved is read again, by anybody and at any time", async () => {
  const path = newFolder();
  using folder = await SweepFolder.open(path, sweep(["a", config()]));
  expect(readPoint(path, "a")).toEqual({ run: undefined, results: { formatVersion: 1, measures: {} } });
  const knn = { step: 3, setting: "{}", accuracy: 0.4, seconds: 2 };
  folder.save("a", { measures: { knn } });
  begin(path, "a");
  expect(readPoint(path, "a")).toMatchObject({ run: { status: "interrupted" }, results: { measures: { knn } } });
  writeFileSync(join(path, "results", "a.json"), '{"formatVersion":1,"mea');
  expect(readPoint(path, "a").results.measures).toEqual({}); // damaged: measured again
});

test("one process at a time, and the folder's own", async () => {
  const path = newFolder();
  const first = await SweepFolder.open(path, sweep(["a", config()]));
  expect(await codeOf(() => SweepFolder.open(path, sweep(["a", config()])))).toBe("run-locked");
  first.close();
  (await SweepFolder.open(path, sweep(["a", config()]))).close();
  const other = newFolder();
  mkdirSync(other);
  writeFileSync(join(other, "letter.txt"), "dear");
  expect(await codeOf(() => SweepFolder.open(other, sweep(["a", config()])))).toBe("folder-not-empty");
  expect(existsSync(join(other, "sweep.json"))).toBe(false);
});

test("points come and go, but one that has begun keeps its configuration", async () => {
  const path = newFolder();
  (await SweepFolder.open(path, sweep(["a", config()], ["b", config()]))).close();
  begin(path, "a");
  const longer = config({ epochs: 2 });
  (await SweepFolder.open(path, sweep(["a", config()], ["b", longer], ["c", config()]))).close(); // b had not begun
  await expect(SweepFolder.open(path, sweep(["a", longer]))).rejects.toThrow(
    /the point a has begun with another configuration \(epochs: 1 -> 2\)\. Undo the change, choose another --out, or delete/,
  );
  const workers = config({
    data: { source: { kind: "folder", path: "photos" }, workers: 3 },
    log: { previewPictures: 0 },
  });
  (await SweepFolder.open(path, sweep(["c", workers]))).close(); // neither changes numbers; a is left out
  await expect(SweepFolder.open(path, sweep(["a", longer]))).rejects.toThrow("another configuration"); // and not forgotten
});

test("a record of a later version or of something else is not overwritten", async () => {
  const path = newFolder();
  mkdirSync(path);
  writeFileSync(join(path, "sweep.json"), '{"formatVersion":2}');
  expect(await codeOf(() => SweepFolder.open(path, sweep(["a", config()])))).toBe("bad-run-file");
  expect(readFileSync(join(path, "sweep.json"), "utf8")).toBe('{"formatVersion":2}');
});
