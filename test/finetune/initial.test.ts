import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { liveTensors, scope } from "../../src/engine/scope.js";
import type { FinetuneConfigInput } from "../../src/finetune/config.js";
import { finetuning, resolveFinetune } from "../../src/finetune/finetune.js";
import { loadInitial } from "../../src/finetune/initial.js";
import { buildClassifier, type Supervised } from "../../src/finetune/supervised.js";
import type { Vit } from "../../src/models/vit.js";
import { resizePositions } from "../../src/nn/positions.js";
import { Rng } from "../../src/tensor/random.js";
import { tensor } from "../../src/tensor/tensor.js";
import { loadModel } from "../../src/train/checkpoints/load.js";
import { pretrain } from "../../src/train/pretrain.js";
import { made, micro, writeOfficial } from "../models/published/formula.js";
import { collect, tinyRun, workFolder, writePictures } from "../train/example.js";

const work = workFolder("initial");
const photos = join(work.path, "photos");
const run = join(work.path, "run");
const source = { kind: "folder", path: photos } as const;

beforeAll(async () => {
  await writePictures(photos, 8);
  await collect(pretrain(tinyRun(photos, { epochs: 1 }), { out: run }));
});
afterAll(work.remove);

test("model, size and normalisation are those of the checkpoint, unless said; the path becomes absolute", () => {
  const config = resolveFinetune({ from: run, data: { source, batchSize: 4, mean: [0.5, 0.5, 0.5] } });
  expect(config).toMatchObject({
    from: run,
    model: { width: 16, depth: 2, heads: 2, patchSize: 4, dropPath: 0.1 },
    data: { imageSize: 16, channels: 3, mean: [0.5, 0.5, 0.5], std: [0.229, 0.224, 0.225] },
  });
});

test("the encoder's weights are copied, to the bit; norm and head of the classifier keep their first values", () => {
  const before = liveTensors();
  using pretrained = loadModel(run);
  const config = resolveFinetune({ from: run, data: { source, batchSize: 4 } });
  using model = buildClassifier({ ...config, classes: ["a", "b"] });
  model.initialize(new Rng(1));
  const head = model.state().get("head.weight")?.toNumbers();
  loadInitial(model, run);
  const encoder = pretrained.encoder.state();
  for (const [name, value] of model.state())
    if (!/^(head|fc_norm)/.test(name)) expect(value.toBytes(), name).toEqual(encoder.get(name)?.toBytes());
  expect(model.state().get("head.weight")?.toNumbers()).toEqual(head);
  model.close();
  pretrained.close();
  expect(liveTensors()).toBe(before);
});

test("a deeper model than the checkpoint's is refused by name", () => {
  const config = resolveFinetune({ from: run, model: { name: "vit", depth: 3 }, data: { source, batchSize: 4 } });
  using model = buildClassifier({ ...config, classes: ["a", "b"] });
  expect(() => loadInitial(model, run)).toThrow("model.depth is 2 in the file, 3 in the configuration");
});

test("anybody's file will do: its weights to the bit, its positions as the official fine-tuning resizes them", () => {
  const from = writeOfficial(join(work.path, "official.pth"), micro);
  const classes = ["a", "b"];
  for (const imageSize of [undefined, 24]) {
    const data = { source, batchSize: 4, ...(imageSize && { imageSize }) };
    const config = resolveFinetune({ from, data });
    expect(config).toMatchObject({
      model: { width: 16, depth: 2, patchSize: 4 },
      data: { imageSize: imageSize ?? 16 },
    });
    using model = buildClassifier({ ...config, classes });
    model.initialize(new Rng(1));
    loadInitial(model, from);
    for (const [name, value] of model.state())
      if (!/^(head|fc_norm|pos_embed)/.test(name)) expect(value.toArray(), name).toEqual(made(name, value.shape));
    const side = (imageSize ?? 16) / 4;
    const expected = scope(() =>
      resizePositions(tensor(made("pos_embed", [1, 17, 16]), [1, 17, 16]), [4, 4], [side, side]).toArray(),
    );
    expect((model.encoder as Vit).posEmbed?.toArray()).toEqual(expected);
  }
});

test("what somebody else's file leaves open is said beside it, kept, and holds where its weights are read", () => {
  const from = writeOfficial(join(work.path, "wide.pth"), micro);
  const fromHints: NonNullable<FinetuneConfigInput["fromHints"]> = {
    heads: 4,
    imageSize: [8, 32],
    mean: [0.5, 0.4, 0.3],
  };
  const config = resolveFinetune({ from, fromHints, data: { source, batchSize: 4, imageSize: 16 } });
  expect(config).toMatchObject({ fromHints, model: { heads: 4 }, data: { imageSize: 16, mean: [0.5, 0.4, 0.3] } });
  const open = resolveFinetune({ from, fromHints, data: { source, batchSize: 4 } });
  expect(open.data.imageSize).toEqual([8, 32]);
  const settled = { ...config, classes: ["a", "b"] };
  const training = finetuning.training(settled, undefined as never);
  using method = training.method as Supervised;
  method.initialize(new Rng(1));
  finetuning.load?.(settled, training);
  const table = made("pos_embed", [1, 17, 16]);
  const expected = scope(() => resizePositions(tensor(table, [1, 17, 16]), [2, 8], [4, 4]).toArray());
  expect((method.encoder as Vit).posEmbed?.toArray()).toEqual(expected);
});

test("a run of ours says its own, and is not told", () => {
  const fromHints = { heads: 2 };
  expect(() => resolveFinetune({ from: run, fromHints, data: { source } })).toThrow("says its own heads");
});
