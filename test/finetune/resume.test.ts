import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { resume } from "../../src/finetune/resume.js";
import { pretrain } from "../../src/train/pretrain.js";
import { collect, tinyRun, workFolder, writePictures } from "../train/example.js";

const work = workFolder("resume");
afterAll(work.remove);

test("a run without a task is pre-training; one of an unknown task is refused by name", async () => {
  const photos = await writePictures(join(work.path, "photos"), 8);
  const out = join(work.path, "run");
  await collect(pretrain(tinyRun(photos, { epochs: 1 }), { out }));
  expect((await collect(resume(out))).map(({ type }) => type)).toEqual(["start", "end"]);
  const path = join(out, "run.json");
  writeFileSync(path, readFileSync(path, "utf8").replace('"seed": 3', '"task": "dreaming", "seed": 3'));
  await expect(collect(resume(out))).rejects.toMatchObject({ code: "unknown-task", actual: "dreaming" });
});
