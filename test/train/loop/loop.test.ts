import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { liveTensors } from "../../../src/engine/scope.js";
import { resume } from "../../../src/finetune/resume.js";
import { verdict } from "../../../src/inspect/verdict.js";
import { openRun } from "../../../src/runs/reader.js";
import type { RunEvent } from "../../../src/runs/schema.js";
import { checkpointFiles } from "../../../src/train/checkpoint.js";
import type { Probe } from "../../../src/train/loop/probes.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { fill, mayMount, smallDisk } from "../../disk.js";
import { collect, finalState, tinyRun, trace, workFolder, writePictures } from "../example.js";

const work = workFolder("loop");
const photos = join(work.path, "photos");
let reference: { trace: ReturnType<typeof trace>; state: ReturnType<typeof finalState> };
let folders = 0;
const out = (): string => join(work.path, `run-${folders++}`);

beforeAll(async () => {
  await writePictures(photos, 24);
  const folder = out();
  reference = { trace: trace(await collect(pretrain(tinyRun(photos), { out: folder }))), state: finalState(folder) };
});
afterAll(work.remove);

test.skipIf(!mayMount)(
  "on a full disk the first cause is what is said, and the run goes on when there is room",
  async () => {
    const folder = join(smallDisk(4000), "run");
    const every = tinyRun(photos, { log: { ...tinyRun(photos).log, checkpointSteps: 2 } });
    let free = (): void => {};
    const failing = async (): Promise<void> => {
      await using run = pretrain(every, { out: folder });
      for await (const event of run) if (event.type === "checkpoint" && event.step === 2) free = fill(dirname(folder));
    };
    await expect(failing()).rejects.toThrow(
      expect.objectContaining({
        name: "FileError",
        code: "no-space",
        path: expect.stringMatching(/step-00000004|events/),
      }),
    );
    free();
    const events = await collect(resume(folder));
    expect(events[0]).toMatchObject({ type: "start", resumedFrom: 2 });
    expect(finalState(folder)).toEqual(reference.state);
  },
);

test("what is wrong with the first batch is said before the first step, and once", async () => {
  const blank = join(work.path, "blank");
  mkdirSync(blank);
  for (let n = 0; n < 24; n++) {
    const picture = sharp({ create: { width: 20, height: 20, channels: 3, background: { r: 9 * n, g: 80, b: 80 } } });
    await picture.png().toFile(join(blank, `${n}.png`));
  }
  const events = await collect(pretrain(tinyRun(blank), { out: out() }));
  expect(events.slice(0, 4).map(({ type }) => type)).toEqual(["start", "input", "warning", "step"]);
  expect(events[2]).toMatchObject({ code: "constant-pictures", message: expect.stringContaining("of one colour") });
  expect(events.filter(({ type }) => type === "warning")).toHaveLength(1);
});

test("a set of one picture under many names is named before the first step, and so is its verdict", async () => {
  const copies = join(work.path, "copies");
  mkdirSync(copies);
  const [one] = readdirSync(photos);
  for (let n = 0; n < 24; n++) copyFileSync(join(photos, one as string), join(copies, `${n}.png`));
  const events = await collect(pretrain(tinyRun(copies)));
  expect(events.slice(0, 4).map(({ type }) => type)).toEqual(["start", "input", "warning", "step"]);
  expect(events[1]).toMatchObject({ same: { share: 1, example: "0.png" } });
  expect(events[2]).toMatchObject({ code: "same-pictures", message: expect.stringContaining("one picture") });
  expect(verdict(events, { derived: {} })).toMatchObject({ status: "bad-input", suspect: "same-pictures" });
});

test("events, files and numbers of a whole run", async () => {
  const folder = out();
  const heldOut = { kind: "folder", path: photos } as const;
  const events = await collect(
    pretrain(tinyRun(photos, { data: { ...tinyRun(photos).data, heldOut } }), { out: folder }),
  );
  const isDiagnosis = ({ type }: RunEvent): boolean => type === "input" || type === "update";
  expect(events.filter(isDiagnosis)).toHaveLength(13); // each of these twelve steps, and the first batch
  expect(events.filter((event) => !isDiagnosis(event)).map(({ type }) => type)).toEqual([
    "start",
    ...Array.from({ length: 4 }, () => ["step", "step", "step", "heldOut"]).flat(),
    "checkpoint",
    "preview",
    "end",
  ]);
  expect(trace(events)).toEqual(reference.trace); // a held-out loss changes nothing
  const { run, events: written } = openRun(folder);
  expect(written).toEqual(events);
  expect(run.status).toBe("finished");
  expect(run.derived).toMatchObject({
    steps: 12,
    stepsPerEpoch: 3,
    warmupSteps: 3,
    effectiveBatch: 8,
    learningRate: (0.05 * 8) / 256,
  });
  expect(readFileSync(join(folder, "files.txt"), "utf8").split("\n")).toHaveLength(24);
  expect(existsSync(join(folder, "previews", "step-00000012.png"))).toBe(true);
  const losses = trace(events).map(([, loss]) => loss);
  expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) * 0.9);
  expect(events.at(-1)).toMatchObject({ type: "end", reason: "finished", step: 12 });
});

test("a run does not depend on the number of data workers, and leaves no tensor behind", async () => {
  const before = liveTensors();
  const folder = out();
  const events = await collect(
    pretrain(tinyRun(photos, { data: { ...tinyRun(photos).data, workers: 2 } }), { out: folder }),
  );
  expect(trace(events)).toEqual(reference.trace);
  expect(finalState(folder)).toEqual(reference.state);
  expect(liveTensors()).toBe(before);
});

test("aborted: saved at the step's end, and the continuation equals a run that never stopped, to the bit", async () => {
  for (const stopAfter of [1, 4, 11]) {
    const folder = out();
    const stop = new AbortController();
    const run = pretrain(tinyRun(photos), { out: folder, signal: stop.signal });
    for await (const event of run) if (event.type === "step" && event.step === stopAfter) stop.abort();
    await run.close();
    expect(openRun(folder).run.status).toBe("interrupted");
    const rest = await collect(resume(folder, { workers: 1 }));
    expect(rest[0]).toMatchObject({ type: "start", step: stopAfter, resumedFrom: stopAfter });
    expect(trace(openRun(folder).events)).toEqual(reference.trace);
    expect(finalState(folder)).toEqual(reference.state);
  }
});

/** Runs the built program in a child and kills it with SIGKILL once `step` has been reported. */
async function killedAt(step: number, folder: string): Promise<void> {
  const child = fileURLToPath(new URL("../child.mjs", import.meta.url));
  const config = tinyRun(photos, { log: { previewPictures: 0, checkpointSteps: 2 } });
  const running = spawn(process.execPath, [child, JSON.stringify(config), folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.stdout.on("data", (text: Buffer) => {
    if (new RegExp(`^step ${step}$`, "m").test(text.toString())) running.kill("SIGKILL");
  });
  await new Promise((done) => running.on("close", done));
  expect(running.signalCode).toBe("SIGKILL");
}

test("kill -9 at several steps: loss trace and final weights equal, to the bit, those of a run that was never stopped", async () => {
  for (const [step, workers] of [
    [1, 0],
    [5, 2],
    [10, 1],
  ] as const) {
    const folder = out();
    await killedAt(step, folder);
    expect(openRun(folder).run.status).toBe("running");
    await collect(resume(folder, { workers }));
    const { events } = openRun(folder);
    expect(trace(events)).toEqual(reference.trace);
    expect(finalState(folder)).toEqual(reference.state);
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "finished" });
  }
});

test("killed again and again before the first checkpoint, a run logs probes and a bad picture of its first step once", async () => {
  const spoiled = join(work.path, "spoiled");
  await writePictures(spoiled, 8);
  writeFileSync(join(spoiled, "000.png"), "no picture");
  const config = tinyRun(spoiled, { epochs: 2, data: { ...tinyRun(spoiled).data, batchSize: 7, maxBadShare: 1 } });
  let measured = 0;
  const probe: Probe = {
    everyEpochs: 2,
    atStart: true,
    async *run() {
      measured++;
      yield ["knn", 0.5];
    },
  };
  const folder = out();
  const first = pretrain(config, { out: folder, probes: [probe] });
  for await (const event of first) if (event.type === "step") break; // as a kill: nothing is saved
  await first.close();
  const seen: RunEvent[] = [];
  const second = resume(folder, { probes: [probe] });
  for await (const event of second) {
    seen.push(event);
    if (event.type === "step") break;
  }
  await second.close();
  expect(seen.some(({ type }) => type === "badFile")).toBe(true); // whoever watches is told
  await collect(resume(folder, { probes: [probe] }));
  const { events } = openRun(folder);
  const count = (of: string): number => events.filter(({ type, step }) => type === of && step === 0).length;
  expect([count("probe"), count("badFile"), count("input"), count("start")]).toEqual([1, 1, 1, 3]);
  expect(measured).toBe(2); // before the first step, and at the end
  expect(events.filter(({ type }) => type === "step").map(({ step }) => step)).toEqual([1, 2]);
});

test("a damaged line in the middle of the log blocks no resume: it is kept aside, and the run says so", async () => {
  const folder = out();
  const stop = new AbortController();
  const run = pretrain(tinyRun(photos), { out: folder, signal: stop.signal });
  for await (const event of run) if (event.type === "step" && event.step === 4) stop.abort();
  await run.close();
  const path = join(folder, "events.jsonl");
  const lines = readFileSync(path, "utf8").split("\n");
  lines.splice(2, 0, "\0\0\0");
  writeFileSync(path, lines.join("\n"));
  const events = await collect(resume(folder));
  expect(events[1]).toMatchObject({
    type: "warning",
    message: expect.stringContaining("line 3 of events.jsonl") as unknown,
  });
  expect(trace(openRun(folder).events)).toEqual(reference.trace);
  expect(openRun(folder).damagedLines).toEqual([]);
  expect(readFileSync(join(folder, "events.damaged-1.jsonl"), "utf8")).toBe("\0\0\0\n");
});

test("a finished run resumed is a finished run", async () => {
  const folder = out();
  await collect(pretrain(tinyRun(photos, { epochs: 1 }), { out: folder }));
  const before = finalState(folder);
  const events = await collect(resume(folder));
  expect(events.map(({ type }) => type)).toEqual(["start", "end"]);
  expect(finalState(folder)).toEqual(before);
});

test("leaving the loop early closes everything", async () => {
  const before = liveTensors();
  const run = pretrain(tinyRun(photos, { data: { ...tinyRun(photos).data, workers: 1 } }), { out: out() });
  for await (const event of run) if (event.type === "step" && event.step === 2) break;
  await run.close();
  expect(liveTensors()).toBe(before);
});

test("probes see the encoder and change nothing", async () => {
  const seen: number[] = [];
  const probe: Probe = {
    everyEpochs: 2,
    async *run({ encoder }, { step }) {
      seen.push(step);
      yield ["width", encoder.width];
    },
  };
  const events = await collect(pretrain(tinyRun(photos), { probes: [probe] }));
  expect(seen).toEqual([6, 12]);
  expect(trace(events)).toEqual(reference.trace);
  expect(events.filter(({ type }) => type === "probe")).toHaveLength(2);
});

test("old checkpoints go, the last two stay; a used folder is refused", async () => {
  const folder = out();
  await collect(pretrain(tinyRun(photos, { log: { previewPictures: 0, checkpointSteps: 1 } }), { out: folder }));
  expect(checkpointFiles(folder).map(({ step }) => step)).toEqual([12, 11]);
  await expect(collect(pretrain(tinyRun(photos), { out: folder }))).rejects.toThrow("--overwrite");
});

test("a loss that is not finite ends the run, names the layer and the pictures, and leaves the last checkpoint good", async () => {
  const folder = out();
  const wild = tinyRun(photos, {
    optim: { name: "sgd", baseLearningRate: 1e30, momentum: 0, warmupEpochs: 0 },
    log: { previewPictures: 0, checkpointSteps: 1 },
  });
  await expect(collect(pretrain(wild, { out: folder }))).rejects.toMatchObject({
    code: "non-finite",
    samples: expect.arrayContaining([expect.any(Number)]) as unknown,
  });
  const { run, events } = openRun(folder);
  expect(run.status).toBe("failed");
  expect(events.at(-1)).toMatchObject({
    type: "end",
    reason: "failed",
    message: expect.stringContaining("not finite") as unknown,
  });
});
