import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { finetune, resolveFinetune } from "../../../src/finetune/finetune.js";
import { loadClassifier } from "../../../src/finetune/load.js";
import { Rng } from "../../../src/tensor/random.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { isOwn } from "../../../src/train/checkpoints/own.js";
import type { RunConfigInput } from "../../../src/train/config.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { tinyFinetune, writeClasses } from "../../finetune/example.js";
import { smallMethod, smallModel } from "../../methods/small.js";
import { collect, tinyRun, workFolder } from "../example.js";

const work = workFolder("own");
const photos = join(work.path, "photos");
beforeAll(() => writeClasses(photos, 8));
afterAll(work.remove);

const kinds = [
  ["fcmae", "convnextV2"],
  ["mocoV3", "resnet"],
  ["mocoV3", "vit"],
] as const;

async function trained(method: string, model: string): Promise<string> {
  const out = join(work.path, `${method}-${model}`);
  const changes = { epochs: 1, method: smallMethod(method), model: smallModel(model) };
  await collect(pretrain({ ...tinyRun(photos), ...changes } as RunConfigInput, { out }));
  return out;
}

test.each(kinds)("a run of %s with %s is fine-tuned: its model, its encoder to the bit", async (method, model) => {
  const run = await trained(method, model);
  const { model: _, ...rest } = tinyFinetune(photos, { from: run, epochs: 1 });
  const input = { ...rest, trainBlocks: 0 } as const; // a probe leaves the encoder as it is
  expect(resolveFinetune(input).model.name).toBe(model);
  const out = join(work.path, `${method}-${model}-probe`);
  const tuning = finetune(input, { out });
  const { encoder } = await tuning.prepare();
  using before = loadModel(run);
  const values = (of: typeof encoder): Map<string, number[]> =>
    new Map([...of.state()].map(([name, value]) => [name, value.toNumbers()]));
  const [ours, theirs] = [values(encoder), values(before.encoder)];
  for (const [name, value] of theirs) expect(ours.get(name), name).toEqual(value);
  const events = await collect(tuning);
  expect(events.at(-1)).toMatchObject({ type: "end", reason: "finished" });
});

test.each(kinds)("a run of %s with %s holds the method's parts beside its encoder's", async (method, model) => {
  using own = openModelFile(join(work.path, `${method}-${model}`));
  const { path } = own;
  expect(isOwn(path)).toBe(true);
  expect(own).toMatchObject({ layout: "lacuna", model: { name: model }, method: { name: method } });
  using loaded = loadModel(path);
  expect([...own.tensors.keys()]).toEqual([...loaded.encoder.state().keys()]);
  expect(own.tensors.size + own.rest.size).toBe(loaded.method?.state().size);
});

test("fine-tuned runs give what their classifier is given: for a mean-pooled ViT through the classifier's norm", async () => {
  const out = join(work.path, "tuned");
  const run = finetune(tinyFinetune(photos, { epochs: 1, pool: "mean" }), { out });
  await collect(run);
  using tuned = loadModel(out);
  expect(tuned).toMatchObject({ method: undefined, pool: "mean", classifier: { classes: 3, pool: "mean" } });
  using classifier = loadClassifier(out);
  noGrad(() =>
    scope(() => {
      const picture = new Rng(1, "x").normal([3, 16, 16]).reshape([1, 3, 16, 16]);
      const [ours, theirs] = [tuned.features(picture), classifier.model.features(picture)];
      expect(ours.toNumbers()).toEqual(theirs.toNumbers());
    }),
  );
});
