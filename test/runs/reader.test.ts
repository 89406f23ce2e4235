import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRun, openRuns } from "../../src/runs/reader.js";
import { formatEvent, formatRun } from "../../src/runs/schema.js";
import { RunWriter } from "../../src/runs/writer.js";
import { codeOf, exampleRun, startEvent, stepEvent, temporaryFolders } from "./example.js";

const newFolder = temporaryFolders();

function folderWith(run: string, events?: string): string {
  const folder = newFolder();
  mkdirSync(folder);
  writeFileSync(join(folder, "run.json"), run);
  if (events !== undefined) writeFileSync(join(folder, "events.jsonl"), events);
  return folder;
}

const two = [startEvent(), stepEvent(1, { loss: Number.NaN })];
const lines = two.map((event) => formatEvent(event, "e")).join("");

test("a run is read whole", () => {
  const folder = folderWith(formatRun(exampleRun({ status: "finished" })), lines);
  const run = exampleRun({ status: "finished" });
  expect(openRun(folder)).toEqual({ folder, run, events: two, state: "finished", tornBytes: 0, damagedLines: [] });
});

test("a torn last line is left out and counted, even one that only lacks its end", () => {
  const folder = folderWith(formatRun(exampleRun()), lines);
  const next = formatEvent(stepEvent(2), "e").trimEnd();
  for (const piece of ["{", next.slice(1, 20), next.slice(20)]) appendFileSync(join(folder, "events.jsonl"), piece);
  expect(openRun(folder)).toMatchObject({ events: two, tornBytes: next.length });
  appendFileSync(join(folder, "events.jsonl"), "\n");
  expect(openRun(folder).events).toHaveLength(3);
});

test("damage in the middle is left out, and the lines are named", () => {
  const folder = folderWith(formatRun(exampleRun()), `${lines}{"type":"step"}\n${"\0".repeat(9)}\n${lines}`);
  expect(openRun(folder)).toMatchObject({ events: [...two, ...two], damagedLines: [3, 4] });
});

test("no events yet is no error; no run is", async () => {
  expect(openRun(folderWith(formatRun(exampleRun()))).events).toEqual([]);
  expect(await codeOf(() => openRun(newFolder()))).toBe("not-a-run");
  expect(await codeOf(() => openRun(folderWith('{"formatVersion":3}')))).toBe("newer-format");
});

test("the state tells a run under way from one that was killed", async () => {
  const folder = newFolder();
  const writer = await RunWriter.create(folder, exampleRun());
  expect(openRun(folder).state).toBe("running");
  await writer.close();
  expect(openRun(folder).state).toBe("killed");
});

test("of several runs, one that cannot be read ends nothing unless it is the only one", () => {
  const [good, bad] = [folderWith(formatRun(exampleRun()), lines), folderWith("{")];
  const { opened, unread } = openRuns([bad, good]);
  expect(opened.map(({ folder }) => folder)).toEqual([good]);
  expect(unread).toEqual([{ folder: bad, reason: expect.stringContaining("expected the description of a run") }]);
  expect(() => openRuns([bad])).toThrow(expect.objectContaining({ code: "bad-run-file" }));
});
