import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { resume } from "../../src/finetune/resume.js";
import { encodeNpy } from "../../src/formats/npy.js";
import type { Encoder } from "../../src/models/encoder.js";
import type { Vit } from "../../src/models/vit.js";
import { resizePositions } from "../../src/nn/positions.js";
import { openRun } from "../../src/runs/reader.js";
import { readRunFile } from "../../src/runs/run-file.js";
import type { RunEvent } from "../../src/runs/schema.js";
import { tensor } from "../../src/tensor/tensor.js";
import { loadModel, withMethod } from "../../src/train/checkpoints/load.js";
import { pretrain } from "../../src/train/pretrain.js";
import { smallMethod } from "../methods/small.js";
import { made, micro, microDecoder, writeOfficial } from "../models/published/formula.js";
import { collect, tinyRun, trace, workFolder, writePictures } from "./example.js";

const work = workFolder("pretrain");
const photos = join(work.path, "photos");

beforeAll(() => writePictures(photos, 16));
afterAll(work.remove);

test("a wrong configuration is refused at once, before anything is opened", () => {
  expect(() => pretrain(tinyRun("nowhere", { epochs: -1 }))).toThrow("epochs");
});

test("run.json says what was used: the warm-up that was chosen, the loss of the mean, no task", async () => {
  const out = join(work.path, "run");
  const optim = { name: "adamw", baseLearningRate: 0.05 } as const;
  await collect(pretrain(tinyRun(photos, { epochs: 2, optim }), { out }));
  const { run } = openRun(out);
  expect(run.config).toMatchObject({ optim: { warmupEpochs: 0.2 }, precision: "float32" });
  expect(run.config).not.toHaveProperty("task");
  expect(run.derived["baseline"]).toBeCloseTo(47 / 48, 5);
  expect(run.command).toBe("pretrain()");
});

test("prepare opens everything without a step; the encoder is the run's", async () => {
  const run = pretrain(tinyRun(photos, { epochs: 2 }));
  expect(() => run.encoder).toThrow("has not begun");
  const { derived, encoder, startStep, source } = await run.prepare();
  expect([derived.steps, startStep, source.size]).toEqual([4, 0, 16]);
  expect(run.encoder).toBe(encoder);
  await run.close();
});

/** Files of 40 × 50 pixels with so many channels: grey and colour JPEGs, RGBA PNGs, arrays. */
async function writeFiles(folder: string, channels: number): Promise<void> {
  mkdirSync(folder);
  for (let i = 0; i < 8; i++) {
    const data = Uint8Array.from({ length: 40 * 50 * channels }, (_, k) => {
      const [c, x, y] = [k % channels, Math.floor(k / channels) % 50, Math.floor(k / channels / 50)];
      return 128 + 100 * Math.sin((x + (c + 1) * y) / 12 + i);
    });
    if (channels > 4)
      writeFileSync(join(folder, `${i}.npy`), encodeNpy({ dtype: "U8", shape: [40, 50, channels], data }));
    else {
      const image = sharp(data, { raw: { height: 40, width: 50, channels: channels as 1 | 3 | 4 } });
      await (channels === 4 ? image.png() : image.jpeg()).toFile(
        join(folder, `${i}.${channels === 4 ? "png" : "jpg"}`),
      );
    }
  }
}

test.each([
  [1, [32, 48], [8, 16]],
  [3, [64, 32], [16, 8]],
  [4, [32, 32], 8],
  [12, [24, 48], [6, 12]],
] as const)(
  "pictures of %i channels, %j pixels in patches %j: the loss falls and a picture is drawn",
  async (channels, imageSize, patchSize) => {
    const folder = join(work.path, `channels-${channels}`);
    await writeFiles(folder, channels);
    const each = (value: number): number[] => Array<number>(channels).fill(value);
    const config = tinyRun(folder, { epochs: 30 });
    const run = pretrain(
      {
        ...config,
        optim: { name: "adamw", baseLearningRate: 0.3 },
        method: { ...config.method, normalizeTargets: false, augmentation: "none" } as typeof config.method,
        model: { ...config.model, patchSize } as typeof config.model,
        data: { ...config.data, channels, imageSize: [...imageSize], mean: each(0.5), std: each(0.3) },
      },
      { out: join(work.path, `run-${channels}`) },
    );
    const events = await collect(run);
    const losses = events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
    const last = losses.slice(-5).reduce((a, b) => a + b) / 5;
    expect(last).toBeLessThan((losses[0] as number) * 0.98);
    expect(events.some(({ type }) => type === "preview")).toBe(true);
  },
);

test("channels that the files have not, or statistics for other channels, are refused with what to do", async () => {
  const config = tinyRun(photos, { epochs: 1 });
  expect(() => pretrain({ ...config, data: { ...config.data, channels: 12 } })).toThrow(
    /expected a value for each of 12 channels, got 3\. Give 12 numbers; lacuna doctor measures them/,
  );
  const each = (value: number): number[] => Array<number>(12).fill(value);
  const run = pretrain({ ...config, data: { ...config.data, channels: 12, mean: each(0.5), std: each(0.3) } });
  await expect(collect(run)).rejects.toThrow("has no 12 channels; use a TIFF with a page for each, or a .npy file");
});

describe("weights to begin with", () => {
  const model = { name: "vit", width: 16, depth: 2, heads: 2, patchSize: 4 } as const;
  const steps = (events: readonly RunEvent[]) => trace(events).slice(0, 2);

  test("are those of the file, named in run.json by their hash; a resumed run is the same to the bit", async () => {
    const file = writeOfficial(join(work.path, "init.pth"), { ...micro, decoder: microDecoder });
    const scratch = { ...tinyRun(photos, { epochs: 2 }), model };
    const input = { ...scratch, init: file };
    const out = join(work.path, "begun");
    const events = await collect(pretrain(input, { out }));
    const again = await collect(pretrain(input));
    expect(trace(again)).toEqual(trace(events));
    expect(steps(events)).not.toEqual(steps(await collect(pretrain(scratch))));
    const { config } = readRunFile(out);
    expect(config["init"]).toBe(file);
    const half = join(work.path, "half");
    const stop = new AbortController();
    const run = pretrain(input, { out: half, signal: stop.signal });
    for await (const event of run) if (event.type === "step" && event.step === 3) stop.abort();
    await run.close();
    rmSync(file); // a resumed run needs it no more
    const rest = await collect(resume(half));
    expect(trace(rest)).toEqual(trace(events).slice(3));
    await expect(
      collect(pretrain({ ...input, init: writeOfficial(file, micro), initHash: String(config["initHash"]) })),
    ).rejects.toThrow(/the configuration asks for/);
  });

  test("with what their file leaves open: positions are those of the grid that is said", async () => {
    const file = writeOfficial(join(work.path, "wide.pth"), micro);
    const run = pretrain({ ...tinyRun(photos), model, init: file, initHints: { imageSize: [8, 32] } });
    const { encoder, config } = await run.prepare();
    expect(config.initHints).toEqual({ imageSize: [8, 32] });
    const table = made("pos_embed", [1, 17, 16]);
    const expected = scope(() => resizePositions(tensor(table, [1, 17, 16]), [2, 8], [4, 4]).toArray());
    expect((encoder as Vit).posEmbed?.toArray()).toEqual(expected);
    await run.close();
  });

  test("go to student and teacher, whichever is kept; of a run that kept its teacher the student goes on", async () => {
    const name = "blocks.1.attn.qkv.weight";
    const weight = (encoder: Encoder): unknown => encoder.state().get(name)?.toArray();
    const input = { ...tinyRun(photos, { epochs: 1 }), model, method: smallMethod("dino") as never };
    const file = writeOfficial(join(work.path, "student.pth"), micro);
    const fresh = pretrain({ ...input, init: file });
    const { encoder: kept } = await fresh.prepare();
    expect(weight(kept)).toEqual(made(name, [48, 16]));
    await fresh.close();
    const out = join(work.path, "dino");
    await collect(pretrain(input, { out }));
    using loaded = withMethod(loadModel(out));
    expect(weight(loaded.encoder)).not.toEqual(weight(loaded.method.encoder));
    const further = pretrain({ ...input, init: out });
    const { encoder: next } = await further.prepare();
    expect(weight(next)).toEqual(weight(loaded.method.encoder)); // the teacher begins as the student's copy
    await further.close();
  });

  test("of other sizes are refused with the flags that mend it", async () => {
    const file = writeOfficial(join(work.path, "other.pth"), micro);
    await expect(collect(pretrain({ ...tinyRun(photos), model: { ...model, depth: 1 }, init: file }))).rejects.toThrow(
      /model\.depth is 2 in the file, 1 in the configuration\. Set --model\.depth=2/,
    );
  });
});
