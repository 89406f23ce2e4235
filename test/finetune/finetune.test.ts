import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { liveTensors } from "../../src/engine/scope.js";
import { changedSince, finetune, resolveFinetune } from "../../src/finetune/finetune.js";
import { resume } from "../../src/finetune/resume.js";
import { SafetensorsFile } from "../../src/formats/safetensors.js";
import { openRun } from "../../src/runs/reader.js";
import { checkpointFiles } from "../../src/train/checkpoint.js";
import { pretrain } from "../../src/train/pretrain.js";
import { collect, finalState, tinyRun, trace, workFolder, writePictures } from "../train/example.js";
import { tinyFinetune, writeClasses } from "./example.js";

const work = workFolder("finetune");
const photos = join(work.path, "photos");
const pretrained = join(work.path, "pretrained");
let reference: { trace: ReturnType<typeof trace>; state: ReturnType<typeof finalState>; folder: string };
let folders = 0;
const out = (): string => join(work.path, `run-${folders++}`);

beforeAll(async () => {
  await writeClasses(photos);
  await collect(pretrain(tinyRun(photos, { epochs: 1, log: { previewPictures: 0 } }), { out: pretrained }));
  const folder = out();
  const events = await collect(finetune(tinyFinetune(photos), { out: folder }));
  reference = { trace: trace(events), state: finalState(folder), folder };
});
afterAll(work.remove);

test("events, files and numbers of a whole run", () => {
  const { run, events } = openRun(reference.folder);
  expect(run.status).toBe("finished");
  expect(run.config).toMatchObject({ task: "finetune", classes: ["apple", "bee", "cat"], optim: { layerDecay: 0.75 } });
  const heldOut = events.filter((event) => event.type === "heldOut");
  expect(heldOut.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
  expect(events.filter(({ type }) => type === "warning")).toEqual([]);
  for (const { loss, scores, pictures } of heldOut) {
    expect(pictures).toBe(24);
    expect(loss).toBeGreaterThan(0);
    expect(Object.keys(scores ?? {})).toEqual(["top1", "top5", "top1Plain", "meanPerClass"]);
    expect((scores?.["top1"] ?? 0) * 24).toBeCloseTo(Math.round((scores?.["top1"] ?? 0) * 24), 6); // of 24 pictures
    expect(scores?.["top5"]).toBe(1); // there are three classes
    expect(scores?.["meanPerClass"]).toBeCloseTo(scores?.["top1"] ?? 0, 12); // of eight pictures each
  }
  expect(trace(events)[0]?.[1]).toBeCloseTo(Math.log(3), 3); // T17: head weights next to zero -> ln C
  expect(existsSync(join(reference.folder, "checkpoints", "best.safetensors"))).toBe(true);
  expect(existsSync(join(reference.folder, "previews"))).toBe(false);
});

test("held-out pictures with other class shares are a warning before the first step", async () => {
  const unequal = join(work.path, "unequal");
  for (const [name, count] of Object.entries({ apple: 2, bee: 8, cat: 2 }))
    await writePictures(join(unequal, name), count);
  const { data, ...rest } = tinyFinetune(photos, { epochs: 1 });
  const events = await collect(finetune({ ...rest, data: { ...data, heldOut: { kind: "folder", path: unequal } } }));
  const at = events.findIndex(({ type }) => type === "warning");
  expect(events[at]).toMatchObject({
    code: "class-shares",
    message: expect.stringContaining(
      "bee is 33 % of the pictures to learn from and 67 % of the judged ones",
    ) as unknown,
  });
  expect(at).toBeLessThan(events.findIndex(({ type }) => type === "step"));
  expect(events.find((event) => event.type === "heldOut")?.pictures).toBe(12);
});

test("aborted and continued, with another number of workers, equals a run that never stopped, to the bit", async () => {
  const before = liveTensors();
  const folder = out();
  const stop = new AbortController();
  const run = finetune(tinyFinetune(photos), { out: folder, signal: stop.signal });
  for await (const event of run) if (event.type === "step" && event.step === 5) stop.abort();
  await run.close();
  await collect(resume(folder, { workers: 2 }));
  expect(trace(openRun(folder).events)).toEqual(reference.trace);
  expect(finalState(folder)).toEqual(reference.state);
  expect(liveTensors()).toBe(before);
});

test("kill -9: trace, weights and best model are those of a run that was never stopped; mixing, erasing and drop path too", async () => {
  const folder = out();
  const child = fileURLToPath(new URL("../train/child.mjs", import.meta.url));
  const config = { task: "finetune", ...tinyFinetune(photos, { log: { checkpointSteps: 2 } }) };
  const running = spawn(process.execPath, [child, JSON.stringify(config), folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.stdout.on("data", (text: Buffer) => {
    if (/^step 7$/m.test(text.toString())) running.kill("SIGKILL");
  });
  await new Promise((done) => running.on("close", done));
  expect(running.signalCode).toBe("SIGKILL");
  await collect(resume(folder));
  expect(trace(openRun(folder).events)).toEqual(reference.trace);
  expect(finalState(folder)).toEqual(reference.state);
  const best = (run: string): string | undefined => {
    using file = SafetensorsFile.open(join(run, "checkpoints", "best.safetensors"));
    return file.metadata?.["crc32"];
  };
  expect(best(folder)).toBe(best(reference.folder));
});

/** Tensors of a run's last checkpoint, as text, without the optimiser's. */
function weights(folder: string): Map<string, string> {
  using file = SafetensorsFile.open(checkpointFiles(folder)[0]?.path ?? "");
  return new Map(
    file.names
      .filter((name) => name.startsWith("model/"))
      .map((name) => [name.slice("model/".length), Buffer.from(file.read(name).data).toString("hex")]),
  );
}

test.each([
  [0, /^head\./],
  [0.5, /^(head|fc_norm|blocks\.1\.(norm2|mlp))\./],
  [1, /^(head|fc_norm|blocks\.1)\./],
] as const)("training %s blocks, all else is that of pre-training, to the bit", async (trainBlocks, trained) => {
  const folder = out();
  const { model: _, ...rest } = tinyFinetune(photos);
  await collect(finetune({ ...rest, from: pretrained, trainBlocks, epochs: 2 }, { out: folder }));
  const before = weights(pretrained);
  const after = weights(folder);
  const frozen = [...after.keys()].filter((name) => !trained.test(name));
  expect(frozen.length).toBeGreaterThan(10);
  for (const name of frozen) expect(after.get(name), name).toBe(before.get(name));
  const changed = [...after.keys()].filter((name) => trained.test(name) && before.has(name));
  for (const name of changed) expect(after.get(name), name).not.toBe(before.get(name));
});

test("a recorded run is what is asked for, unless a key differs that changes its numbers", () => {
  const { config } = openRun(reference.folder).run;
  const asked = (changes: object) => changedSince(config, resolveFinetune(tinyFinetune(photos, changes)));
  expect(asked({})).toEqual([]);
  expect(asked({ log: { heldOutEpochs: 2 } })).toEqual([]);
  expect(asked({ precision: "auto" })).toEqual([]); // run.json says what it became
  expect(asked({ seed: 6, precision: "bfloat16" })).toEqual(["seed: 5 -> 6", 'precision: "float32" -> "bfloat16"']);
  expect(asked({ trainBlocks: 1 })).toEqual(['trainBlocks: "all" -> 1']);
});

test("few labels: so many of each class; more than there are is refused", async () => {
  const tiny = tinyFinetune(photos, { epochs: 1 });
  const few = (perClass: number) => finetune({ ...tiny, data: { ...tiny.data, batchSize: 6, labels: { perClass } } });
  const run = few(2);
  const { source } = await run.prepare();
  expect(Array.from(source.labels ?? [])).toEqual([0, 0, 1, 1, 2, 2]);
  await run.close();
  await expect(few(9).prepare()).rejects.toThrow(/9/);
});

test("pictures without classes, and held-out ones of other classes, are refused", async () => {
  const before = liveTensors();
  const plain = await writePictures(join(work.path, "plain"), 8);
  const other = join(work.path, "other");
  await writePictures(join(other, "dog"), 2);
  await writePictures(join(other, "elk"), 2);
  const tiny = tinyFinetune(photos);
  const withData = (data: object) => collect(finetune({ ...tiny, data: { ...tiny.data, ...data } }));
  await expect(withData({ source: { kind: "folder", path: plain } })).rejects.toThrow("at least two classes");
  await expect(withData({ heldOut: { kind: "folder", path: other } })).rejects.toThrow("other classes");
  expect(liveTensors()).toBe(before);
});
