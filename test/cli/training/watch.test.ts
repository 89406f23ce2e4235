import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Report } from "../../../src/cli/report.js";
import { lateText, tellResult, watchRun } from "../../../src/cli/training/watch.js";
import { pretrain } from "../../../src/index.js";
import { makePictures, temporaryFolder } from "../terminal.js";

function caught(): { report: Report; text: () => string } {
  let text = "";
  const stream = { write: (more: string) => (text += more) };
  return { report: new Report(false, { out: stream, error: stream }), text: () => text };
}

const configOf = (pictures: string) => ({
  epochs: 3,
  precision: "float32" as const,
  model: { name: "vit" as const, width: 16, depth: 1, heads: 2, patchSize: 8 },
  method: { name: "mae" as const, decoder: { width: 16, depth: 1, heads: 2 } },
  data: { source: { kind: "folder" as const, path: pictures }, imageSize: 32, batchSize: 8, workers: 0 },
});

/** A run that ends with an error after its third step. */
function failing(pictures: string, out: string, checkpointSteps: number | undefined) {
  const { report, text } = caught();
  let steps = 0;
  const probe = {
    everyEpochs: 0.1,
    async *run() {
      if (++steps === 3) throw new Error("mine");
      yield ["steps", steps] as const;
    },
  };
  const log = checkpointSteps === undefined ? {} : { log: { checkpointSteps } };
  const config = { ...configOf(pictures), ...log };
  return [text, watchRun((signal) => pretrain(config, { out, signal, probes: [probe] }), out, report)] as const;
}

async function watched(folder: string, abortAfter?: number) {
  const pictures = await makePictures(join(folder, "pictures"), 8);
  const { report, text } = caught();
  const out = join(folder, "run");
  let steps = 0;
  const result = await watchRun(
    (signal) => {
      // As Ctrl-C would: the signal comes while a step is under way.
      const probe = {
        everyEpochs: 0.1,
        async *run() {
          if (++steps === abortAfter) process.emit("SIGINT");
          yield ["steps", steps] as const;
        },
      };
      return pretrain(configOf(pictures), { out, signal, probes: [probe] });
    },
    out,
    report,
  );
  tellResult(report, result);
  return { result, text: text(), out };
}

test("says what a run is, and what came of it", async () => {
  const { result, text, out } = await watched(temporaryFolder());
  expect(result).toMatchObject({ exitCode: 0, steps: 6, folder: out });
  expect(result.loss).toBeGreaterThan(0);
  expect(existsSync(result.curves?.png ?? "")).toBe(true);
  expect(existsSync(result.previews.at(-1) ?? "")).toBe(true);
  expect(text).toMatch(/pictures +16, 2 steps an epoch/);
  expect(text).toMatch(/learning rate +4\.69e-6 = 0\.00015 × 8 \/ 256, warm-up 1 of 6 steps/);
  expect(text).toMatch(/parameters +[\d,]+ \(encoder [\d,]+\)/);
  expect(text).toContain("step 6/6 · epoch 3.00/3");
  expect(text).toContain(`lacuna reconstruct ${out}`);
});

test("a run that took longer than its budget says why", () => {
  expect(lateText({ minutes: 10, seconds: 650 })).toBeUndefined();
  expect(lateText({ minutes: undefined, seconds: 9000 })).toBeUndefined();
  expect(lateText({ minutes: 10, seconds: 780 })).toBe(
    "Its budget was 10 min: the machine was faster when steps were timed.",
  );
});

test("a run that fails says what is left of it", async () => {
  const folder = temporaryFolder();
  const [text, watching] = failing(await makePictures(join(folder, "pictures"), 8), join(folder, "early"), undefined);
  await expect(watching).rejects.toThrow("mine");
  expect(text()).toContain(`No checkpoint was saved yet: lacuna resume ${join(folder, "early")} begins anew.`);
  const [later, second] = failing(join(folder, "pictures"), join(folder, "late"), 2);
  await expect(second).rejects.toThrow("mine");
  expect(later()).toContain(`Saved up to step 2. Go on with: lacuna resume ${join(folder, "late")}`);
});

test("Ctrl-C saves, and says how to go on", async () => {
  const { result, text, out } = await watched(temporaryFolder(), 2);
  expect(result).toMatchObject({ exitCode: 130, steps: 2 });
  expect(text).toContain(`lacuna resume ${out}`);
  expect(existsSync(join(out, "checkpoints", "step-00000002.safetensors"))).toBe(true);
});
