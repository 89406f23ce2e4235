import { join } from "node:path";
import { pretrain } from "../../../src/index.js";
import { makePictures } from "../../../test/cli/terminal.js";

/** A run of a few steps with two previews. @returns its folder */
export async function trained(folder: string): Promise<string> {
  const out = join(folder, "run");
  const run = pretrain(
    {
      seed: 0,
      epochs: 2,
      device: "cpu",
      precision: "float32",
      model: { name: "vit", width: 32, depth: 2, heads: 2, patchSize: 4 },
      method: { name: "mae", decoder: { width: 16, depth: 1, heads: 2 } },
      data: {
        source: { kind: "folder", path: await makePictures(join(folder, "pictures"), 6) },
        imageSize: 32,
        batchSize: 4,
        workers: 0,
      },
      optim: { name: "adamw", baseLearningRate: 1e-2, weightDecay: 0.05 },
      log: { previewSeconds: 0.001, previewPictures: 2 },
    },
    { out },
  );
  for await (const _ of run) {
  }
  await run.close();
  return out;
}
