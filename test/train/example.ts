import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { KeyedRandom } from "../../src/data/random.js";
import type { Step } from "../../src/methods/method.js";
import { alone } from "../../src/methods/world.js";
import type { Encoder } from "../../src/models/encoder.js";
import type { Vit } from "../../src/models/vit.js";
import type { RunEvent } from "../../src/runs/schema.js";
import type { Rng } from "../../src/tensor/random.js";
import { lastCheckpoint } from "../../src/train/checkpoint.js";
import { derive, type RunConfig, type RunConfigInput } from "../../src/train/config.js";
import type { Run } from "../../src/train/loop/loop.js";
import type { Precision } from "../../src/train/loop/task.js";
import { trainingOf } from "../../src/train/pretrain.js";
import { Trainer } from "../../src/train/trainer.js";

/** A folder for one test file, removed by `remove`. */
export function workFolder(name: string): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `lacuna-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Pictures of 20 × 20: a coloured disc on a gradient, different in each. */
export async function writePictures(folder: string, count: number): Promise<string> {
  mkdirSync(folder, { recursive: true });
  for (let n = 0; n < count; n++) {
    const random = new KeyedRandom({ seed: 7, purpose: "picture", epoch: 0, sample: n });
    const [r, g, b, x0, y0] = Array.from({ length: 5 }, () => random.uniform()) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const pixels = Uint8Array.from({ length: 20 * 20 * 3 }, (_, i) => {
      const [c, x, y] = [i % 3, Math.floor(i / 3) % 20, Math.floor(i / 60)];
      const inside = (x - 20 * x0) ** 2 + (y - 20 * y0) ** 2 < 36;
      return inside ? 255 * ([r, g, b][c] ?? 0) : 6 * (c === 0 ? x : c === 1 ? y : 20);
    });
    const path = join(folder, `${String(n).padStart(3, "0")}.png`);
    await sharp(pixels, { raw: { width: 20, height: 20, channels: 3 } })
      .png()
      .toFile(path);
  }
  return folder;
}

/** A run that takes a second: 12 steps on 24 pictures of 16 px. */
export function tinyRun(photos: string, changes: Partial<RunConfigInput> = {}): RunConfigInput {
  return {
    seed: 3,
    epochs: 4,
    precision: "float32",
    model: { name: "vit", width: 16, depth: 2, heads: 2, patchSize: 4 },
    method: { name: "mae", decoder: { width: 8, depth: 1, heads: 2 } },
    data: { source: { kind: "folder", path: photos }, imageSize: 16, batchSize: 8, workers: 0 },
    optim: { name: "adamw", baseLearningRate: 0.05, warmupEpochs: 1 },
    log: { previewSeconds: 1000, previewPictures: 2 },
    ...changes,
  };
}

export async function collect(run: Run): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  try {
    for await (const event of run) events.push(event);
  } finally {
    await run.close();
  }
  return events;
}

/** Loss and gradient norm of each step: what must not change by a bit. */
export function trace(events: readonly RunEvent[]): [number, number, number | null][] {
  return events.flatMap((event) =>
    event.type === "step" ? [[event.step, event.loss, event.gradNorm] as [number, number, number | null]] : [],
  );
}

/** Checksum of a run's last checkpoint and its step. */
export function finalState(folder: string): { step: number; sum: string } {
  const { checkpoint } = lastCheckpoint(folder);
  if (checkpoint === undefined) throw new Error(`no checkpoint in ${folder}`);
  const { position, checksum } = checkpoint;
  checkpoint.close();
  return { step: position.step, sum: checksum };
}

/** Model, method and optimiser of a run, as the loop builds them. */
export function trainerOf(config: RunConfig, pictures: number, precision: Precision = "float32"): Trainer {
  return new Trainer(config, derive(config, pictures), precision, trainingOf(config));
}

/** The encoder of such a run: these tests look inside it. */
export function vitOf({ encoder }: { readonly encoder: Encoder }): Vit {
  return encoder as Vit;
}

/** A step that knows nothing but its random numbers. */
export function stepOf(rng: Rng): Step {
  return { index: 0, epoch: 0, progress: 0, rng, world: alone };
}
