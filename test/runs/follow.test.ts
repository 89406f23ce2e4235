import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { follow } from "../../src/runs/follow.js";
import { formatEvent, type RunEvent } from "../../src/runs/schema.js";
import { RunWriter } from "../../src/runs/writer.js";
import { checkpointEvent, exampleRun, startEvent, stepEvent, temporaryFolders } from "./example.js";

const newFolder = temporaryFolders();
let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

const named = (event: RunEvent): string => `${event.type} ${event.step}`;

function follower(folder: string): (count: number) => Promise<string[]> {
  const events = follow(folder, stop.signal, { pollMs: 20 });
  return async (count) => {
    const names: string[] = [];
    while (names.length < count) {
      const { value, done } = await events.next();
      if (done === true) return [...names, "over"];
      names.push(named(value));
    }
    return names;
  };
}

test("what is there comes first, then what is added, torn lines only when whole; abort ends it", async () => {
  const folder = newFolder();
  const next = follower(folder);
  const first = next(2);
  const writer = await RunWriter.create(folder, exampleRun());
  writer.append(startEvent());
  writer.append(stepEvent(1));
  writer.sync();
  expect(await first).toEqual(["start 0", "step 1"]);
  const line = formatEvent(stepEvent(2), "e");
  const path = join(folder, "events.jsonl");
  appendFileSync(path, line.slice(0, 30));
  const third = next(1);
  const early = Symbol("nothing yet");
  expect(await Promise.race([third, new Promise((resolve) => setTimeout(resolve, 150, early))])).toBe(early);
  appendFileSync(path, line.slice(30));
  expect(await third).toEqual(["step 2"]);
  const last = next(1);
  stop.abort();
  expect(await last).toEqual(["over"]);
  await writer.close();
});

test("a long file comes whole and in order", async () => {
  const folder = newFolder();
  const writer = await RunWriter.create(folder, exampleRun());
  for (let step = 1; step <= 10_000; step++) writer.append(stepEvent(step));
  await writer.close();
  const names = await follower(folder)(10_000);
  expect(names).toEqual(Array.from({ length: 10_000 }, (_, i) => `step ${i + 1}`));
});

test("after a resume it goes on at the start event, whether it saw the cut or only a longer file", async () => {
  const folder = newFolder();
  const begin = [startEvent(), stepEvent(1), checkpointEvent(1), stepEvent(2), stepEvent(3)];
  const first = await RunWriter.create(folder, exampleRun());
  for (const event of begin) first.append(event);
  await first.close();
  const [watching, late] = [follower(folder), follower(folder)];
  expect(await watching(5)).toEqual(begin.map(named));
  expect(await late(5)).toEqual(begin.map(named));

  const second = await RunWriter.resume(folder, 1);
  const wait = watching(2);
  await new Promise((resolve) => setTimeout(resolve, 100)); // it sees the shorter file meanwhile
  second.append(startEvent(1, { resumedFrom: 1, time: "2026-01-02T04:00:00.000Z" }));
  second.append(stepEvent(2, { loss: 9 }));
  for (let step = 3; step < 9; step++) second.append(stepEvent(step));
  second.sync();
  expect(await wait).toEqual(["start 1", "step 2"]);
  expect(await late(4)).toEqual(["start 1", "step 2", "step 3", "step 4"]);
  await second.close();
});

test("one that was behind the cut misses nothing and sees nothing twice", async () => {
  const folder = newFolder();
  const first = await RunWriter.create(folder, exampleRun());
  for (const event of [startEvent(), stepEvent(1), stepEvent(2), stepEvent(3)]) first.append(event);
  await first.close();
  const second = await RunWriter.resume(folder, 2);
  second.append(startEvent(2, { resumedFrom: 2 }));
  await second.close();
  expect(await follower(folder)(4)).toEqual(["start 0", "step 1", "step 2", "start 2"]);
});

test("a damaged line is left out", async () => {
  const folder = newFolder();
  const writer = await RunWriter.create(folder, exampleRun());
  await writer.close();
  const good = [startEvent(), stepEvent(1)].map((event) => formatEvent(event, "e"));
  writeFileSync(join(folder, "events.jsonl"), `${good[0]}not an event\n${good[1]}`);
  expect(await follower(folder)(2)).toEqual(["start 0", "step 1"]);
});
