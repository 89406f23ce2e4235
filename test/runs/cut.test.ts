import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cutEvents } from "../../src/runs/cut.js";
import { formatEvent, type RunEvent } from "../../src/runs/schema.js";
import { checkpointEvent, startEvent, stepEvent, temporaryFolders } from "./example.js";

const newFolder = temporaryFolders();
const text = (events: readonly RunEvent[]): string => events.map((event) => formatEvent(event, "e")).join("");

function folderWith(content: string): string {
  const folder = newFolder();
  mkdirSync(folder);
  writeFileSync(join(folder, "events.jsonl"), content);
  return folder;
}

const kept = [
  startEvent(),
  stepEvent(1),
  stepEvent(2),
  { type: "heldOut", step: 2, epoch: 1, loss: 0.5 },
  checkpointEvent(2),
] as const;
const later = [stepEvent(3), { type: "preview", step: 3, path: "p", note: "" }, stepEvent(4)] as const;

test("what came after the checkpoint goes to a file of its own", () => {
  const folder = folderWith(text([...kept, ...later]));
  const cut = cutEvents(folder, 2);
  expect(readFileSync(join(folder, "events.jsonl"), "utf8")).toBe(text(kept));
  expect(readFileSync(join(folder, "events.cut-1.jsonl"), "utf8")).toBe(text(later));
  expect(cut).toMatchObject({ keptEvents: 5, lastStep: 2, cutLines: 3, cutPath: join(folder, "events.cut-1.jsonl") });
  expect(cut.keptBytes).toBe(Buffer.byteLength(text(kept)));
  expect(cutEvents(folder, 2)).toMatchObject({ keptEvents: 5, cutLines: 0, cutPath: undefined });
  expect(cutEvents(folder, 1)).toMatchObject({
    keptEvents: 2,
    cutLines: 3,
    cutPath: join(folder, "events.cut-2.jsonl"),
  });
  expect(readdirSync(folder).sort()).toEqual(["events.cut-1.jsonl", "events.cut-2.jsonl", "events.jsonl"]);
});

test("wherever a crash tore the file, what stays are whole events up to the checkpoint, and no byte is lost", () => {
  const whole = Buffer.from(text([...kept, ...later]));
  fc.assert(
    fc.property(fc.nat(whole.length), fc.nat(5), (length, step) => {
      const folder = folderWith(whole.toString("utf8", 0, length));
      cutEvents(folder, step);
      const stays = readFileSync(join(folder, "events.jsonl"), "utf8");
      const events = [...kept, ...later].filter((event) => event.step <= step);
      expect(text(events).startsWith(stays)).toBe(true);
      expect(stays === "" || stays.endsWith("\n")).toBe(true);
      const name = readdirSync(folder).find((entry) => entry.startsWith("events.cut"));
      const away = name === undefined ? "" : readFileSync(join(folder, name), "utf8");
      expect(stays + away).toBe(whole.toString("utf8", 0, length));
    }),
    { seed: 6, numRuns: 150 },
  );
});

test("a log that ends before the checkpoint says so, and none at all is an empty one", () => {
  expect(cutEvents(folderWith(text(kept)), 10)).toMatchObject({ lastStep: 2, cutLines: 0 });
  const folder = newFolder();
  mkdirSync(folder);
  expect(cutEvents(folder, 10)).toMatchObject({ lastStep: 0, keptBytes: 0, cutPath: undefined });
});

test("damage after the checkpoint is cut off; damage before it is kept aside, and nothing else is lost", () => {
  const zeros = "\0".repeat(100);
  const after = folderWith(`${text(kept)}${zeros}\n${text(later)}`);
  expect(cutEvents(after, 2)).toMatchObject({ keptEvents: 5, cutLines: 4, asideLines: [], asidePath: undefined });
  const half = text([stepEvent(2)]).slice(0, 40);
  const before = folderWith(
    `${text(kept.slice(0, 2))}${zeros}\n${text(kept.slice(2, 3))}${half}\n${text(kept.slice(3))}`,
  );
  expect(cutEvents(before, 2)).toMatchObject({
    keptEvents: 5,
    keptBytes: Buffer.byteLength(text(kept)),
    asideLines: [3, 5],
    asidePath: join(before, "events.damaged-1.jsonl"),
    cutPath: undefined,
  });
  expect(readFileSync(join(before, "events.jsonl"), "utf8")).toBe(text(kept));
  expect(readFileSync(join(before, "events.damaged-1.jsonl"), "utf8")).toBe(`${zeros}\n${half}\n`);
  expect(readdirSync(before).sort()).toEqual(["events.damaged-1.jsonl", "events.jsonl"]);
  const both = folderWith(`${text(kept.slice(0, 1))}${zeros}\n${text(kept.slice(1))}${text(later)}`);
  expect(cutEvents(both, 2)).toMatchObject({ keptEvents: 5, cutLines: 3, asideLines: [2] });
  expect(readFileSync(join(both, "events.cut-1.jsonl"), "utf8")).toBe(text(later));
});

test("a step that is later than what follows it is damage too", () => {
  const mixed = folderWith(text([stepEvent(3), stepEvent(1)]));
  expect(cutEvents(mixed, 2)).toMatchObject({ keptEvents: 1, lastStep: 1, asideLines: [1] });
  expect(readFileSync(join(mixed, "events.jsonl"), "utf8")).toBe(text([stepEvent(1)]));
});
