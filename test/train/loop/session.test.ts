import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resume } from "../../../src/finetune/resume.js";
import { openRun } from "../../../src/runs/reader.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { collect, tinyRun, workFolder, writePictures } from "../example.js";

const work = workFolder("session");
const photos = join(work.path, "photos");
const folder = join(work.path, "run");

beforeAll(async () => {
  await writePictures(photos, 17);
  const stop = new AbortController();
  const run = pretrain(tinyRun(photos), { out: folder, signal: stop.signal });
  for await (const event of run) if (event.type === "step" && event.step === 3) stop.abort();
  await run.close();
});
afterAll(work.remove);

test("a changed architecture lists the differing keys", async () => {
  const path = join(folder, "run.json");
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace('"depth": 2', '"depth": 3'));
  await expect(collect(resume(folder))).rejects.toThrow("model.depth: 2 -> 3");
  writeFileSync(path, text);
});

test("a changed list of pictures is named, and nothing is touched", async () => {
  const before = readFileSync(join(folder, "events.jsonl"), "utf8");
  await writePictures(join(photos, "more"), 1);
  await expect(collect(resume(folder))).rejects.toThrow(
    "the pictures have changed since the run began: 1 new (more/000.png)",
  );
  expect(readFileSync(join(folder, "events.jsonl"), "utf8")).toBe(before);
  rmSync(join(photos, "more"), { recursive: true });
});

test("a second process is kept out while the run goes on", async () => {
  const run = resume(folder);
  await run.prepare();
  await expect(collect(resume(folder))).rejects.toMatchObject({ code: "run-locked" });
  await run.close();
});

test("with both put right it goes on", async () => {
  const events = await collect(resume(folder));
  expect(events[0]).toMatchObject({ type: "start", resumedFrom: 3 });
  expect(openRun(folder).run.status).toBe("finished");
});

test("what is no run says so", async () => {
  await expect(collect(resume(join(work.path, "nothing")))).rejects.toMatchObject({ code: "not-a-run" });
});
