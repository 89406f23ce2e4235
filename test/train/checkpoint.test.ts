import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { encodeSafetensors } from "../../src/formats/safetensors.js";
import { maeConfig } from "../../src/methods/masked/mae.js";
import { Linear } from "../../src/nn/linear.js";
import { AdamW } from "../../src/optim/adamw.js";
import { weightDecayGroups } from "../../src/optim/groups.js";
import { backward } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import {
  Checkpoint,
  checkpointFiles,
  differences,
  lastCheckpoint,
  pruneCheckpoints,
  withLaterKeys,
  writeCheckpoint,
} from "../../src/train/checkpoint.js";
import { workFolder } from "./example.js";

const work = workFolder("checkpoint");
afterAll(work.remove);

function trained(seed: number): { layer: Linear; optimizer: AdamW; close: () => void } {
  const layer = new Linear(3, 2);
  layer.initialize(new Rng(seed, "init"));
  const optimizer = new AdamW(weightDecayGroups(layer.parameters(), 0.1), { betas: [0.9, 0.95], epsilon: 1e-8 });
  scope(() =>
    backward(
      layer
        .call(new Rng(seed, "x").normal([4, 3]))
        .pow(2)
        .mean(),
    ),
  );
  optimizer.step(0.01);
  optimizer.zeroGrad();
  return {
    layer,
    optimizer,
    close: () => {
      optimizer.close();
      layer.close();
    },
  };
}

function write(folder: string, step: number, { layer, optimizer }: ReturnType<typeof trained>): string {
  return writeCheckpoint(folder, {
    position: { step, samples: 8 * step },
    architecture: { width: 3 },
    config: { seed: 1 },
    model: layer.state(),
    optimizer,
  }).path;
}

test("model, optimiser and position come back to the bit", () => {
  const from = trained(1);
  const to = trained(2);
  using checkpoint = Checkpoint.open(write(join(work.path, "a"), 7, from));
  expect(checkpoint.position).toEqual({ step: 7, samples: 56 });
  expect([checkpoint.architecture, checkpoint.config]).toEqual([{ width: 3 }, { seed: 1 }]);
  checkpoint.loadModel(to.layer.state());
  checkpoint.loadOptimizer(to.optimizer);
  expect(to.layer.weight.toArray()).toEqual(from.layer.weight.toArray());
  for (const [key, value] of from.optimizer.state())
    expect(to.optimizer.state().get(key)?.toArray()).toEqual(value.toArray());
  from.close();
  to.close();
});

test("damage of every kind is an error, and the older checkpoint is used", () => {
  const folder = join(work.path, "b");
  const parts = trained(1);
  write(folder, 1, parts);
  const newest = write(folder, 2, parts);
  parts.close();
  const good = readFileSync(newest);
  const last = (): { step: number | undefined; why: string | undefined } => {
    const { checkpoint, damaged } = lastCheckpoint(folder);
    checkpoint?.close();
    return { step: checkpoint?.position.step, why: damaged[0]?.error.message };
  };
  expect(last()).toEqual({ step: 2, why: undefined });
  truncateSync(newest, good.length - 5);
  expect(last().step).toBe(1);
  const flipped = Buffer.from(good);
  flipped[good.length - 3] = (flipped[good.length - 3] ?? 0) ^ 4;
  writeFileSync(newest, flipped);
  expect(last()).toMatchObject({ step: 1, why: expect.stringContaining("damaged: its checksum differs") as unknown });
  writeFileSync(newest, encodeSafetensors([], { format: "something" }));
  expect(last()).toMatchObject({ step: 1, why: expect.stringContaining("not a checkpoint of a run") as unknown });
  writeFileSync(newest, encodeSafetensors([], { format: "lacuna-checkpoint", formatVersion: "99" }));
  expect(last()).toMatchObject({ step: 1, why: expect.stringContaining("format version 99") as unknown });
  writeFileSync(newest, "hello");
  expect(last().step).toBe(1);
});

test("a folder without checkpoints has none; strange names are left alone; the oldest go", () => {
  const folder = join(work.path, "c");
  expect(lastCheckpoint(folder)).toEqual({ checkpoint: undefined, damaged: [] });
  const parts = trained(1);
  for (const step of [1, 2, 10]) write(folder, step, parts);
  parts.close();
  mkdirSync(join(folder, "checkpoints"), { recursive: true });
  copyFileSync(
    join(folder, "checkpoints", "step-00000001.safetensors"),
    join(folder, "checkpoints", "mine.safetensors"),
  );
  pruneCheckpoints(folder, 2);
  expect(checkpointFiles(folder).map(({ step }) => step)).toEqual([10, 2]);
});

test("differences are named by their keys", () => {
  expect(differences({ a: 1, b: { c: [1, 2] } }, { a: 1, b: { c: [1, 3] }, d: null })).toEqual([
    "b.c.1: 2 -> 3",
    "d: undefined -> null",
  ]);
  expect(differences({ a: 1 }, { a: 1 })).toEqual([]);
});

test("an architecture that an older version wrote has the defaults of keys that came later", () => {
  const now = { method: maeConfig.parse({ maskRatio: 0.6 }), channels: 3 };
  const { target: _, lossOn: __, maskTokenInEncoder: ___, tokenizer: ____, ...older } = now.method;
  expect(differences({ method: older, channels: 3 }, now)).toHaveLength(4);
  expect(differences(withLaterKeys({ method: older, channels: 3 }), now)).toEqual([]);
  expect(differences(withLaterKeys({ method: { ...older, maskRatio: 0.5 }, channels: 3 }), now)).toEqual([
    "method.maskRatio: 0.5 -> 0.6",
  ]);
  expect(withLaterKeys({ classes: 3 })).toEqual({ classes: 3 });
});
