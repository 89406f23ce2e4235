import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { openRun } from "../../../src/index.js";
import { tickingClock } from "../../clock.js";
import { ended, lacuna, makePictures, start, temporaryFolder, tinyFlags } from "../terminal.js";

describe("pretrain", () => {
  test("a folder of pictures is enough: the choices are told, and the run folder holds all", async () => {
    const folder = temporaryFolder();
    const pictures = await makePictures(join(folder, "pictures"), 12);
    const out = join(folder, "run");
    const { code, out: text } = await lacuna("pretrain", pictures, ...tinyFlags, "--epochs=2", "--out", out);
    expect(code).toBe(0);
    expect(text).toMatch(/model\.patchSize +8 +as you said/);
    expect(text).toMatch(/data\.mean, data\.std +[\d. ]+, [\d. ]+ +measured on 24 of the pictures/);
    expect(text).toMatch(/labels +2 classes: a, b \(for the probes only\)/);
    expect(text.indexOf("labels")).toBeLessThan(text.indexOf("before training"));
    expect(text).toContain("step 6/6");
    expect(readdirSync(out)).toEqual(expect.arrayContaining(["run.json", "events.jsonl", "checkpoints", "curves.svg"]));
    expect(readdirSync(join(out, "previews"))).toEqual(["step-00000006.png"]);
    const { run, events, state } = openRun(out);
    expect(state).toBe("finished");
    expect(events.filter(({ type }) => type === "step")).toHaveLength(6);
    expect(run.config).toMatchObject({ epochs: 2, data: { batchSize: 8, source: { kind: "folder", path: pictures } } });
  });

  test("--minutes: the steps are settled before the first; with --epochs it is refused", async () => {
    tickingClock();
    const folder = temporaryFolder();
    const pictures = await makePictures(join(folder, "pictures"), 12);
    const flags = [...tinyFlags, "--minutes", "0.1", "--log.probe.everyEpochs=0"];
    const { code, out } = await lacuna("pretrain", pictures, ...flags, "--out", join(folder, "run"));
    expect(code).toBe(0);
    expect(out).toMatch(/epochs +about \d+ +0\.1 min, as you said/);
    const { steps, budgetMinutes } = openRun(join(folder, "run")).run.derived;
    expect(budgetMinutes).toBe(0.1);
    expect(out).toMatch(
      new RegExp(`budget +6 s: ${steps?.toLocaleString("en-US")} steps of [\\d.]+ ms, as \\d+ took that were timed`),
    );
    expect(out).toContain(`step ${steps}/${steps}`);
    const both = await lacuna("pretrain", pictures, ...flags, "--epochs=3", "--out", join(folder, "other"));
    expect(both).toMatchObject({ code: 2, error: expect.stringContaining("got --minutes 0.1 beside it") });
    expect(existsSync(join(folder, "other"))).toBe(false);
  });

  test("a method that learns from classes: they are named before anything is trained, and parts of a set are none", async () => {
    const folder = temporaryFolder();
    for (const part of ["Training", "valid"]) await makePictures(join(folder, "set", part), 8);
    const flags = ["--method.name=supmae", "--model.name=vit", ...tinyFlags, "--epochs=1"];
    const { code, out } = await lacuna("pretrain", join(folder, "set"), ...flags, "--out", join(folder, "run"));
    expect(code).toBe(0);
    expect(out).toContain("2 classes: a, b (learned)\n");
    expect(out.indexOf("2 classes: a, b")).toBeLessThan(out.indexOf("step 4/4"));
    expect(openRun(join(folder, "run")).run.config).toMatchObject({ method: { classes: 2 } });
  });

  test("a recipe, and the answer as JSON alone on stdout", async () => {
    const folder = temporaryFolder();
    const pictures = await makePictures(join(folder, "pictures"), 4);
    const recipe = new URL("../../../recipes/own-photos-5k.ts", import.meta.url).pathname;
    const source = ["--data.source.path", pictures, "--data.source.part=all", "--data.heldOut.path", pictures];
    const flags = ["--data.heldOut.part=all", ...tinyFlags, "--epochs=1", "--json"];
    const { code, out, error } = await lacuna("pretrain", recipe, ...source, ...flags, "--out", join(folder, "run"));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ steps: 1, exitCode: 0, verdict: { status: "too-early" } });
    expect(JSON.parse(out).heldOutLoss).toBeGreaterThan(0);
    expect(error).toContain("step 1/1");
  });

  test("a used folder is refused, unless it is to be replaced", async () => {
    const folder = temporaryFolder();
    const pictures = await makePictures(join(folder, "pictures"), 4);
    const again = (...more: string[]) =>
      lacuna("pretrain", pictures, ...tinyFlags, "--epochs=1", "--out", join(folder, "run"), ...more);
    expect((await again()).code).toBe(0);
    const refused = await again();
    expect(refused.code).toBe(1);
    expect(refused.error).toMatch(/lacuna resume .*, choose another --out, or replace it with --overwrite\./);
    expect((await again("--overwrite")).code).toBe(0);
  });

  test("a misspelt flag and a wrong value end with 2 and 1, before anything is made", async () => {
    const folder = temporaryFolder();
    const pictures = await makePictures(join(folder, "pictures"), 4);
    const out = join(folder, "run");
    const misspelt = await lacuna("pretrain", pictures, "--data.bachSize=3", "--out", out);
    expect(misspelt).toMatchObject({ code: 2, error: expect.stringContaining("Did you mean --data.batchSize?") });
    const wrong = await lacuna("pretrain", pictures, "--method.maskRatio=75", "--out", out);
    expect(wrong).toMatchObject({ code: 1, error: expect.stringContaining("in method.maskRatio") });
    expect(existsSync(out)).toBe(false);
  });

  test("lists every key with what it takes", async () => {
    const { out } = await lacuna("pretrain", "--help-config");
    expect(out).toContain("--data.batchSize = 256\n    whole number above 0 · pictures a step");
    const keys = JSON.parse((await lacuna("pretrain", "--help-config", "--json")).out) as { path: string }[];
    expect(keys.map(({ path }) => path)).toContain("method.maskRatio");
  });
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s saves at the step's end, ends with %i, and resume goes on to the end", async (signal, code) => {
  const folder = temporaryFolder();
  const pictures = await makePictures(join(folder, "pictures"), 2);
  const out = join(folder, "run");
  // Each checkpoint brings the events before it into their file at once: at step 3 there is long to go on any machine.
  const flags = [
    ...tinyFlags,
    "--epochs=100",
    "--data.batchSize=4",
    "--log.checkpointSteps=3",
    "--log.probe.everyEpochs=0",
  ];
  const child = start(["pretrain", pictures, ...flags, "--out", out]);
  const end = ended(child);
  await untilStep(out, 3);
  child.kill(signal);
  const stopped = await end;
  expect(stopped).toMatchObject({ code, error: "" });
  expect(stopped.out).toContain(`Saved. Go on with: lacuna resume ${out}`);
  const { events, state } = openRun(out);
  expect(state).toBe("interrupted");
  const at = events.at(-1)?.step ?? 0;
  expect(events.at(-2)).toMatchObject({ type: "checkpoint", step: at });
  const resumed = await lacuna("resume", out, "--workers", "1");
  expect(resumed.code).toBe(0);
  expect(resumed.out).toContain(`goes on at     step ${at} of 100`);
  const steps = openRun(out).events.flatMap((event) => (event.type === "step" ? [event.step] : []));
  expect(steps).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
});

async function untilStep(run: string, step: number): Promise<void> {
  const path = join(run, "events.jsonl");
  const isThere = (): boolean =>
    existsSync(path) && readFileSync(path, "utf8").includes(`"type":"step","step":${step},`);
  await vi.waitFor(() => expect(isThere()).toBe(true), { timeout: 120_000, interval: 5 });
}
