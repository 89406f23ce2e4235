/** Every method × every encoder that it accepts, through what a run meets: training, resume, plan, features, export, verdict. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noGrad } from "../src/engine/modes.js";
import { scope } from "../src/engine/scope.js";
import { autoencoderOnnx, encoderOnnx } from "../src/export/onnx.js";
import { makePage } from "../src/export/page/make.js";
import { resume } from "../src/finetune/resume.js";
import { SafetensorsFile } from "../src/formats/safetensors.js";
import type { OnnxFile } from "../src/graph/onnx/export.js";
import { verdict } from "../src/inspect/verdict.js";
import type { Health } from "../src/methods/health.js";
import { maskFromNoise } from "../src/methods/parts/masks.js";
import { pageDescription } from "../src/page/description.js";
import { writePage } from "../src/page/folder.js";
import { recordRun, runMemory, stepTime } from "../src/plan/predict.js";
import { openRun } from "../src/runs/reader.js";
import { Rng } from "../src/tensor/random.js";
import type { Tensor } from "../src/tensor/tensor.js";
import { loadModel, withMethod } from "../src/train/checkpoints/load.js";
import { parseConfig, type RunConfigInput } from "../src/train/config.js";
import { pretrain } from "../src/train/pretrain.js";
import { openSession } from "./graph/onnx/runtime.js";
import { pairs, smallMethod, smallModel } from "./methods/small.js";
import { relativeDifference } from "./numbers.js";
import { collect, finalState, stepOf, tinyRun, trace, workFolder, writePictures } from "./train/example.js";

const work = workFolder("every-method");
let photos = "";
beforeAll(async () => {
  photos = join(work.path, "photos");
  await Promise.all(["a", "b", "c"].map((name) => writePictures(join(photos, name), 8)));
});
afterAll(work.remove);

const image = { imageSize: [16, 16], channels: 3 } as const;

const configOf = (method: string, model: string): RunConfigInput =>
  tinyRun(photos, {
    epochs: 2, // six steps
    method: smallMethod(method) as NonNullable<RunConfigInput["method"]>,
    model: smallModel(model) as NonNullable<RunConfigInput["model"]>,
    optim: { name: "adamw", baseLearningRate: 0.03, warmupEpochs: 1 },
  });

const pictures = (): Tensor => new Rng(5, "pictures", 0, [0, 1, 2]).normal([3, 16, 16]); // [3 3 16 16]

type Tensors = Readonly<Record<string, Tensor>>;

/** Runs a file in onnxruntime. @returns the largest relative difference of its outputs from what is wanted */
async function farFrom(
  file: OnnxFile,
  inputs: () => Tensors,
  wanted: Readonly<Record<string, (given: Tensors) => Tensor>>,
): Promise<number> {
  const session = await openSession(file.bytes());
  const given = scope(inputs);
  const found = await session.run(given);
  await session.close();
  const far = noGrad(() =>
    scope(() => Object.entries(wanted).map(([name, ours]) => relativeDifference(found[name] as Tensor, ours(given)))),
  );
  for (const value of [...Object.values(given), ...Object.values(found)]) value.dispose();
  return Math.max(...far);
}

/** The first model of each method is resumed with a worker: views are the method's, and a thread takes as long to start as steps. */
const all = pairs(image);
const workers = (method: string, model: string): number =>
  all.find(([name]) => name === method)?.[1] === model ? 1 : 0;

describe.each(all)("%s of %s", (method, model) => {
  const folder = (name: string): string => join(work.path, `${method}-${model}-${name}`);

  test("trains; stopped after two steps and resumed it has the bits of a run that was never stopped", async () => {
    const whole = await collect(pretrain(configOf(method, model), { out: folder("whole") }));
    expect(trace(whole)).toHaveLength(6);
    for (const [, loss] of trace(whole)) expect(Number.isFinite(loss)).toBe(true);
    const stop = new AbortController();
    const cut = pretrain(configOf(method, model), { out: folder("cut"), signal: stop.signal });
    for await (const event of cut) if (event.type === "step" && event.step === 2) stop.abort();
    await cut.close();
    const rest = await collect(resume(folder("cut"), { workers: workers(method, model) }));
    expect(trace(rest)).toEqual(trace(whole).slice(2));
    expect(finalState(folder("cut"))).toEqual(finalState(folder("whole")));
    rmSync(folder("cut"), { recursive: true });
  });

  test("is planned: its work is counted and its memory is above its weights'", () => {
    const config = parseConfig(configOf(method, model));
    const run = recordRun(config, "float32");
    const memory = runMemory(run, config, "float32", 0);
    expect(memory.totalBytes).toBeGreaterThan(4 * run.size);
    const rate = [{ width: 1, rate: 1e9 }];
    const rates = { products: rate, attention: rate, elements: {}, overhead: 1e-6, optimizer: 1e-9 };
    const time = stepTime(run, config, rates as unknown as Parameters<typeof stepTime>[2], undefined);
    expect(time.products).toBeGreaterThan(0);
    expect(time.overhead).toBeLessThan(0.1);
  });

  test("is loaded; its encoder as ONNX gives its features", async () => {
    using loaded = withMethod(loadModel(folder("whole"), { device: "cpu" }));
    using file = SafetensorsFile.open(loaded.path);
    for (const [name, value] of loaded.method.state())
      expect(Buffer.from(value.toBytes()), name).toEqual(Buffer.from(file.read(`model/${name}`).data));
    const pooled = noGrad(() => scope(() => loaded.encoder.features(pictures(), loaded.method.pool)));
    expect(pooled.shape).toEqual([3, loaded.encoder.width]);
    pooled.dispose();
    const far = await farFrom(encoderOnnx(loaded), () => ({ pixel_values: pictures() }), {
      pooler_output: ({ pixel_values }) => loaded.encoder.features(pixel_values as Tensor, loaded.method.pool),
    });
    expect(far).toBeLessThan(1e-4);
  });

  test("fills in pictures as ONNX, or says that it does not and what to export instead", async () => {
    using loaded = withMethod(loadModel(folder("whole"), { device: "cpu" }));
    const hiding = loaded.method.hiding?.();
    if (hiding === undefined) {
      expect(() => autoencoderOnnx(loaded)).toThrow(/does not fill in pictures[\s\S]*Export its encoder instead/);
      return;
    }
    const patches = hiding.grid[0] * hiding.grid[1];
    const kept = Math.ceil(patches / 2);
    const mask = () => maskFromNoise(new Rng(3, "mask", 0, [0, 1, 2]).uniform([patches]), kept);
    const inputs = () => {
      const { ids, restore } = mask();
      return { image: pictures(), ids_keep: ids.slice(1, 0, kept).contiguous(), ids_restore: restore };
    };
    const step = stepOf(new Rng(0, "reconstruct", 0, [0, 1, 2]));
    const far = await farFrom(autoencoderOnnx(loaded), inputs, {
      rebuilt: ({ image: given }) =>
        loaded.method.reconstruct?.(given as Tensor, step, { ids: mask().ids, kept }).rebuilt as Tensor,
    });
    expect(far).toBeLessThan(1e-4);
  });

  test("becomes a page, or says why not", async () => {
    using loaded = withMethod(loadModel(folder("whole"), { device: "cpu" }));
    const made = makePage(loaded, { count: 2, examples: { kind: "folder", path: photos } });
    if (loaded.method.pixelTarget?.() === undefined) {
      await expect(made).rejects.toThrow("expected a method that predicts pixels");
      return;
    }
    writePage(folder("page"), await made);
    const text = readFileSync(join(folder("page"), "page.json"), "utf8");
    const described = pageDescription.parse(JSON.parse(text));
    expect(described.patch).toEqual([...(loaded.method.hiding?.().cell ?? [])]);
    expect(described.examples).toHaveLength(2);
    expect(described.model.heads > 0).toBe(described.model.outputs.includes("attention"));
  });

  test("inspect: six steps are too few for a verdict, and what its health watches was logged", () => {
    const { events, run } = openRun(folder("whole"));
    expect(run.status).toBe("finished");
    expect(verdict(events, run)).toMatchObject({ status: "too-early" });
    const steps = events.flatMap((event) => (event.type === "step" ? [Object.keys(event.parts ?? {})] : []));
    for (const { name } of (run.health as Health | undefined)?.signals ?? [])
      expect(steps.at(-1)).toContain(name.replace(/^heldOut\./, ""));
  });
});
