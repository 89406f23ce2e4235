import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { openRun } from "../../src/runs/reader.js";
import { formatEvent, type RunFile } from "../../src/runs/schema.js";
import { writeFully } from "../../src/runs/write-atomic.js";
import { RunWriter } from "../../src/runs/writer.js";
import { startChild } from "./child.js";
import { checkpointEvent, codeOf, exampleRun, startEvent, stepEvent, temporaryFolders } from "./example.js";

vi.mock(import("../../src/runs/write-atomic.js"), async (original) => {
  const actual = await original();
  return { ...actual, writeFully: vi.fn(actual.writeFully) };
});

const newFolder = temporaryFolders();
const eventsOf = (folder: string): string => readFileSync(join(folder, "events.jsonl"), "utf8");

async function finishedRun(): Promise<string> {
  const folder = newFolder();
  const writer = await RunWriter.create(folder, exampleRun());
  for (const event of [startEvent(), stepEvent(1), stepEvent(2), checkpointEvent(2), stepEvent(3)])
    writer.append(event);
  await writer.close();
  return folder;
}

test("a run is begun, written, ended and let go", async () => {
  const folder = join(newFolder(), "deeper");
  const writer = await RunWriter.create(folder, exampleRun({ status: "finished" }));
  expect(writer.run.status).toBe("running");
  writer.append(startEvent());
  writer.append(stepEvent(1));
  writer.append({ type: "end", step: 1, reason: "interrupted", seconds: 3 });
  expect(openRun(folder)).toMatchObject({ state: "interrupted", run: { ...exampleRun(), status: "interrupted" } });
  await writer.close();
  await writer.close();
  expect(readdirSync(folder).sort()).toEqual(["events.jsonl", "run.json"]);
  expect(openRun(folder).events).toHaveLength(3);
  expect(await codeOf(() => writer.append(stepEvent(2)))).toBe("closed");
});

describe("events reach the file", () => {
  test("within a second also when nothing follows, at once with a checkpoint, and when closed", async () => {
    const folder = newFolder();
    const writer = await RunWriter.create(folder, exampleRun());
    writer.append(startEvent());
    expect(eventsOf(folder)).toBe("");
    await vi.waitFor(() => expect(eventsOf(folder)).not.toBe(""), { timeout: 60_000 });
    writer.append(stepEvent(1));
    writer.append(checkpointEvent(1));
    expect(eventsOf(folder).split("\n")).toHaveLength(4);
    writer.append(stepEvent(2));
    expect(eventsOf(folder).split("\n")).toHaveLength(4);
    writer.sync();
    expect(eventsOf(folder).split("\n")).toHaveLength(5);
    writer.append(stepEvent(3));
    await writer.close();
    expect(eventsOf(folder).split("\n")).toHaveLength(6);
  });

  test("when many come at once, without waiting", async () => {
    const folder = newFolder();
    const writer = await RunWriter.create(folder, exampleRun());
    for (let step = 1; step <= 1000; step++) writer.append(stepEvent(step));
    expect(eventsOf(folder).length).toBeGreaterThan(60_000);
    await writer.close();
    expect(openRun(folder).events.map(({ step }) => step)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
  });
});

test("steps never go back, and an event that could not be read again is not written", async () => {
  const folder = newFolder();
  const writer = await RunWriter.create(folder, exampleRun());
  writer.append(stepEvent(5));
  expect(() => writer.append(stepEvent(4))).toThrow(/expected an event of step 5 or later, got step of step 4/);
  expect(await codeOf(() => writer.append({ ...stepEvent(6), seconds: -1 }))).toBe("bad-event");
  writer.append({ type: "probe", step: 5, name: "featureStd", value: 1 });
  await writer.close();
  expect(openRun(folder).events).toHaveLength(2);
});

describe("a used folder", () => {
  test("is refused with what to do, and left as it is", async () => {
    const folder = await finishedRun();
    const before = eventsOf(folder);
    await expect(RunWriter.create(folder, exampleRun())).rejects.toThrow(
      `in ${folder}: expected a folder without a run, got one that holds a run. Go on with it (lacuna resume ${folder}), ` +
        "choose another --out, or replace it with --overwrite.",
    );
    expect(await codeOf(() => RunWriter.create(folder, exampleRun()))).toBe("run-exists");
    expect(eventsOf(folder)).toBe(before);
    expect(readdirSync(folder).sort()).toEqual(["events.jsonl", "run.json"]);
  });

  test("is replaced when asked for", async () => {
    const folder = await finishedRun();
    mkdirSync(join(folder, "checkpoints"));
    writeFileSync(join(folder, "checkpoints", "2.safetensors"), "x");
    const writer = await RunWriter.create(folder, exampleRun({ id: "second" }), { overwrite: true });
    await writer.close();
    expect(readdirSync(folder).sort()).toEqual(["events.jsonl", "run.json"]);
    expect(openRun(folder)).toMatchObject({ run: { id: "second" }, events: [] });
  });

  test("that holds something else is never touched, whatever is asked for", async () => {
    const folder = newFolder();
    mkdirSync(folder);
    writeFileSync(join(folder, "run.json"), '{"name":"mine"}');
    for (const overwrite of [false, true]) {
      expect(await codeOf(() => RunWriter.create(folder, exampleRun(), { overwrite }))).toBe("folder-not-empty");
    }
    await expect(RunWriter.create(folder, exampleRun())).rejects.toThrow(
      /1 other things \(run\.json\)\. Choose another --out/,
    );
    expect(readdirSync(folder)).toEqual(["run.json"]);
    const file = join(folder, "run.json");
    expect(await codeOf(() => RunWriter.create(file, exampleRun()))).toBe("system");
  });

  test("that another writes to says so, also when it should be replaced", async () => {
    const folder = newFolder();
    const writer = await RunWriter.create(folder, exampleRun());
    writer.append(stepEvent(1));
    expect(await codeOf(() => RunWriter.create(folder, exampleRun(), { overwrite: true }))).toBe("run-locked");
    expect(await codeOf(() => RunWriter.resume(folder, 0))).toBe("run-locked");
    await writer.close();
    expect(openRun(folder).events).toHaveLength(1);
  });

  test("a description that could not be read again makes no folder", async () => {
    const folder = newFolder();
    const wrong = { ...exampleRun(), createdAt: "yesterday" } as RunFile;
    expect(await codeOf(() => RunWriter.create(folder, wrong))).toBe("bad-run-file");
    expect(existsSync(folder)).toBe(false);
  });
});

describe("resume", () => {
  test("cuts back to the checkpoint and goes on", async () => {
    const folder = await finishedRun();
    writeFileSync(join(folder, "run.json.tmp-1-0123abcd"), "left by a killed writer");
    const writer = await RunWriter.resume(folder, 2);
    expect(writer.cut).toMatchObject({ keptEvents: 4, lastStep: 2, cutLines: 1 });
    writer.append(startEvent(2, { resumedFrom: 2 }));
    writer.append(stepEvent(3, { loss: 7 }));
    await writer.close();
    const { events, state } = openRun(folder);
    expect(events.map(({ type, step }) => `${type} ${step}`)).toEqual([
      "start 0",
      "step 1",
      "step 2",
      "checkpoint 2",
      "start 2",
      "step 3",
    ]);
    expect(state).toBe("killed");
    expect(readFileSync(join(folder, "events.cut-1.jsonl"), "utf8")).toBe(formatEvent(stepEvent(3), "e"));
    expect(readdirSync(folder).sort()).toEqual(["events.cut-1.jsonl", "events.jsonl", "run.json"]);
  });

  test("sets the status back to running", async () => {
    const folder = newFolder();
    const writer = await RunWriter.create(folder, exampleRun());
    writer.append({ type: "end", step: 0, reason: "failed", message: "m", seconds: 1 });
    await writer.close();
    const again = await RunWriter.resume(folder, 0);
    expect(openRun(folder).state).toBe("running");
    expect(again.lockNote).toBeUndefined();
    await again.close();
  });

  test("of what is no run, or of a later version, changes nothing", async () => {
    expect(await codeOf(() => RunWriter.resume(newFolder(), 0))).toBe("not-a-run");
    const folder = newFolder();
    mkdirSync(folder);
    writeFileSync(join(folder, "run.json"), '{"formatVersion":2}');
    expect(await codeOf(() => RunWriter.resume(folder, 0))).toBe("newer-format");
    expect(readdirSync(folder)).toEqual(["run.json"]);
  });

  test("after kill -9 finds every event up to the checkpoint, three times over", async () => {
    const folder = newFolder();
    const body = (begin: string): string => `
      const { RunWriter } = await load("writer.ts");
      const writer = ${begin};
      let step = writer.cut?.lastStep ?? 0;
      for (;;) {
        step++;
        writer.append(${JSON.stringify({ ...stepEvent(1), step: 0 }).replace('"step":0', '"step":step')});
        if (step % 40 === 0) { writer.sync(); say("saved " + step); writer.append(${JSON.stringify({ ...checkpointEvent(1), step: 0 }).replace('"step":0', '"step":step')}); }
        await new Promise(setImmediate);
      }`;
    const place = JSON.stringify(folder);
    let child = startChild(body(`await RunWriter.create(${place}, ${JSON.stringify(exampleRun())})`));
    for (const times of [3, 2, 4]) {
      let said = "";
      for (let i = 0; i < times; i++) said = await child.line();
      await child.kill();
      expect(said).toMatch(/^saved \d+$/);
      const saved = Number(said.split(" ")[1]);
      expect(openRun(folder).state).toBe("killed");
      const writer = await RunWriter.resume(folder, saved);
      expect(writer.lockNote).toMatch(/no longer runs/);
      expect(writer.cut?.lastStep).toBe(saved);
      await writer.close();
      const steps = openRun(folder).events.filter(({ type }) => type === "step");
      expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: saved }, (_, i) => i + 1));
      child = startChild(body(`await RunWriter.resume(${place}, ${saved})`));
    }
    await child.line();
    await child.kill();
  });
});

test("a full disk is an error that names it; when there is room again nothing is missing", async () => {
  const folder = newFolder();
  const writer = await RunWriter.create(folder, exampleRun());
  writer.append(stepEvent(1));
  writer.sync();
  const full = openSync("/dev/full", "r+");
  const inside = writer as unknown as { descriptor: number };
  const good = inside.descriptor;
  inside.descriptor = full;
  expect(() => writer.append(checkpointEvent(2))).toThrow(/events\.jsonl: expected room on the disk/);
  expect(await codeOf(() => writer.sync())).toBe("no-space");
  inside.descriptor = good;
  closeSync(full);
  expect(openRun(folder).events).toHaveLength(1);
  writer.append(stepEvent(3));
  await writer.close();
  expect(openRun(folder).events.map(({ step }) => step)).toEqual([1, 2, 3]);
});

test("a disk that fills up in the middle of a line leaves no half line, and the run can go on", async () => {
  const folder = newFolder();
  const writer = await RunWriter.create(folder, exampleRun());
  writer.append(stepEvent(1));
  writer.sync();
  const before = eventsOf(folder);
  vi.mocked(writeFully).mockImplementationOnce((descriptor, bytes, position) => {
    writeSync(descriptor, bytes, 0, 20, position);
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  });
  expect(() => writer.append(checkpointEvent(1))).toThrow(expect.objectContaining({ code: "no-space" }));
  expect(eventsOf(folder)).toBe(before);
  await writer.close();
  expect(openRun(folder)).toMatchObject({ tornBytes: 0, events: [{ type: "step" }, { type: "checkpoint" }] });
});

test("a failure while nobody waits is told at the next event, and made good when there is room", async () => {
  const folder = newFolder();
  const writer = await RunWriter.create(folder, exampleRun());
  vi.mocked(writeFully).mockImplementationOnce(() => {
    throw Object.assign(new Error("no space left"), { code: "ENOSPC", syscall: "write" });
  });
  writer.append(stepEvent(1));
  await new Promise((resolve) => setTimeout(resolve, 1200));
  expect(await codeOf(() => writer.append(stepEvent(2)))).toBe("no-space");
  writer.append(stepEvent(2));
  await writer.close();
  expect(openRun(folder).events.map(({ step }) => step)).toEqual([1, 2]);
});
