import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resume } from "../../../src/finetune/resume.js";
import { readRunFile } from "../../../src/runs/run-file.js";
import { checkpointFolder } from "../../../src/train/checkpoint.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import type { RunConfigInput } from "../../../src/train/config.js";
import { fitMethod } from "../../../src/train/loop/fit.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { collect, finalState, tinyRun, trace, workFolder, writePictures } from "../example.js";

const work = workFolder("fit");
const photos = join(work.path, "photos");
beforeAll(() => writePictures(photos, 24));
afterAll(work.remove);

const tokens = { target: "tokens", tokenizer: { name: "kMeans", vocabulary: 12 } } as const;
const pca = { target: "pca", pcaCoefficients: 5 } as const;

function run(target: typeof tokens | typeof pca, workers = 0): RunConfigInput {
  const tiny = tinyRun(photos);
  return {
    ...tiny,
    method: { name: "mae", decoder: { width: 8, depth: 1, heads: 2 }, ...target },
    data: { ...tiny.data, workers },
  };
}

test.each([
  ["tokens", tokens],
  ["pca", pca],
])(
  "%s: what is fitted is in the checkpoint, the same with any number of workers and after a resume",
  async (_, target) => {
    const [first, second, cut] = ["a", "b", "c"].map((name) => join(work.path, `${target.target}-${name}`)) as [
      string,
      string,
      string,
    ];
    const events = await collect(pretrain(run(target), { out: first }));
    expect(trace(await collect(pretrain(run(target, 2), { out: second })))).toEqual(trace(events));
    const stopped = pretrain(run(target), { out: cut });
    for await (const event of stopped) if (event.type === "step" && event.step === 5) break;
    await stopped.close();
    // As after a kill before the first checkpoint: it is fitted anew, to the same.
    rmSync(checkpointFolder(cut), { recursive: true, force: true });
    const again = await collect(resume(cut));
    expect(trace(again)).toEqual(trace(events));
    expect(finalState(cut)).toEqual(finalState(first));
    using model = loadModel(first);
    const kept = target.target === "tokens" ? "target.tokenizer.codebook" : "target.basis";
    expect(model.method?.state().get(kept)?.shape).toEqual(target.target === "tokens" ? [12, 48] : [5, 48]);
    const { baseline } = readRunFile(first).derived;
    expect(baseline).toBeCloseTo(model.method?.health().trivial ?? 0, 6);
    expect(events.some(({ type }) => type === "preview")).toBe(true);
  },
);

test("where there is nothing to fit no picture is read", async () => {
  const refuse = (): never => {
    throw new Error("a loader was opened");
  };
  const { method, config } = {
    method: { fit: () => undefined },
    config: { data: {}, device: "cpu", seed: 0 },
  } as never;
  await expect(fitMethod(method, config, refuse)).resolves.toBeUndefined();
});
