import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { finetune, resolveFinetune } from "../../../src/finetune/finetune.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { loadOwnEncoder, openOwn } from "../../../src/train/checkpoints/own.js";
import type { RunConfigInput } from "../../../src/train/config.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { tinyFinetune, writeClasses } from "../../finetune/example.js";
import { smallEncoder, smallMethod, smallModel } from "../../methods/small.js";
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

test("a ViT's run and a file of others are left to the reader of those; another encoder is refused by name", async () => {
  expect(openOwn(join(work.path, "mocoV3-vit"))).toBeUndefined();
  using own = openOwn(join(work.path, "fcmae-convnextV2"));
  using other = smallEncoder("resnet", { imageSize: [16, 16], channels: 3 });
  expect(() => own && loadOwnEncoder(own, other)).toThrow(/tensors missing/);
});
