import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parseConfig } from "../../../src/train/config.js";
import { HeldOut, middle, plainLoader } from "../../../src/train/watch/held-out.js";
import { tinyRun, trainerOf, workFolder, writePictures } from "../example.js";

const work = workFolder("held-out");
afterAll(work.remove);

test("the mean over pictures, whatever the batches; the same each time; at most so many", async () => {
  const photos = await writePictures(join(work.path, "photos"), 11);
  const heldOut = { kind: "folder", path: photos } as const;
  const base = tinyRun(photos);
  const config = parseConfig({ ...base, data: { ...base.data, heldOut, batchSize: 11 } });
  const trainer = trainerOf(config, 11);
  const loss = async (changes: object, log: object = {}): Promise<number> => {
    const other = parseConfig({ ...base, data: { ...base.data, heldOut, ...changes }, log });
    return (await (await HeldOut.open(other, trainer.validationViews))?.measure(trainer))?.means.loss ?? Number.NaN;
  };
  const whole = await loss({ batchSize: 11 });
  expect(await loss({ batchSize: 11 })).toBe(whole);
  expect(await loss({ batchSize: 4 })).toBeCloseTo(whole, 5);
  expect(await loss({ batchSize: 4 }, { heldOutPictures: 3 })).not.toBeCloseTo(whole, 5);
  trainer.close();
  expect(await HeldOut.open(parseConfig(base), {})).toBeUndefined();
});

test("the mean over classes follows from what a classifier predicts, in batches of any size", async () => {
  const photos = join(work.path, "unequal");
  for (const [name, count] of [
    ["a", 6],
    ["b", 2],
  ] as const)
    await writePictures(join(photos, name), count);
  const heldOut = { kind: "folder", path: photos } as const;
  const base = tinyRun(photos);
  const config = parseConfig({ ...base, data: { ...base.data, heldOut, batchSize: 3 } });
  // Calls everything the first class, but for the last picture.
  const always = {
    evaluate: ({ samples }: { samples: readonly number[] }) => ({
      means: { loss: 1, top1: 0 },
      predictions: samples.map((sample) => (sample === 7 ? 1 : 0)),
    }),
  };
  const held = (await HeldOut.open(config, { image: middle(config) })) as HeldOut;
  const right = Buffer.from([0b10111111]).toString("base64");
  const means = { loss: 1, top1: 0, meanPerClass: 0.75 };
  expect(await held.measure(always)).toEqual({ means, pictures: 8, right, neverRight: { classes: 0, of: 2 } });
  const never = {
    evaluate: ({ samples }: { samples: readonly number[] }) => ({
      means: { loss: 1 },
      predictions: samples.map(() => 0),
    }),
  };
  expect((await held.measure(never)).neverRight).toEqual({ classes: 1, of: 2 });
});

test("pictures come in order, cut to the size of the run", async () => {
  const photos = await writePictures(join(work.path, "ordered"), 3);
  const config = parseConfig(tinyRun(photos));
  const { openSource } = await import("../../../src/data/source.js");
  const loader = plainLoader(config, await openSource(config.data.source), 2);
  const seen: number[] = [];
  for await (const batch of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
    seen.push(...batch.samples);
    expect([batch.views["image"]?.height, batch.views["image"]?.width]).toEqual([16, 16]);
  }
  await loader.close();
  expect(seen).toEqual([0, 1, 2]);
});
