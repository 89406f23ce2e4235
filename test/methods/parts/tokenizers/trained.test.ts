import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noGrad } from "../../../../src/engine/modes.js";
import { scope } from "../../../../src/engine/scope.js";
import { autoencoderOnnx } from "../../../../src/export/onnx.js";
import { resume } from "../../../../src/finetune/resume.js";
import type { Beit } from "../../../../src/methods/masked/beit.js";
import type { Dvae } from "../../../../src/methods/masked/dvae.js";
import type { Vqkd } from "../../../../src/methods/masked/vqkd.js";
import { maskFromNoise } from "../../../../src/methods/parts/masks.js";
import { patchify } from "../../../../src/nn/patches.js";
import { recordRun } from "../../../../src/plan/predict.js";
import { eye } from "../../../../src/tensor/creation.js";
import { Rng } from "../../../../src/tensor/random.js";
import type { Tensor } from "../../../../src/tensor/tensor.js";
import { loadModel, withMethod } from "../../../../src/train/checkpoints/load.js";
import { parseConfig, type RunConfigInput } from "../../../../src/train/config.js";
import { pretrain, trainingOf } from "../../../../src/train/pretrain.js";
import { openSession } from "../../../graph/onnx/runtime.js";
import { relativeDifference } from "../../../numbers.js";
import { collect, finalState, stepOf, tinyRun, trace, workFolder, writePictures } from "../../../train/example.js";

const work = workFolder("trained-tokenizer");
const place = (name: string): string => join(work.path, name);
const vit = { name: "vit", width: 32, depth: 1, heads: 2, patchSize: 4 } as const;
const tokenizers = {
  dvae: { name: "dvae", vocabulary: 12, codeWidth: 8, hidden: 8 },
  vqkd: { name: "vqkd", vocabulary: 12, codeWidth: 8, decoder: { depth: 1 } },
} as const;
type Kind = keyof typeof tokenizers;
/** BEiT, or BEiT v2, on a run of the kind's folder. */
const beitOn = (name: Kind, changes: object = {}): RunConfigInput =>
  tinyRun(place("photos"), {
    epochs: 2,
    model: vit,
    method: { name: name === "dvae" ? "beit" : "beitv2", tokenizer: { name, run: place(name) } },
    ...changes,
  });
const kinds: Kind[] = ["dvae", "vqkd"];
const onTop = (name: Kind): string => place(`on-${name}`);

beforeAll(async () => {
  await writePictures(place("photos"), 24);
  for (const name of kinds) {
    const method = tokenizers[name];
    await collect(pretrain(tinyRun(place("photos"), { epochs: 1, model: vit, method }), { out: place(name) }));
    await collect(pretrain(beitOn(name), { out: onTop(name) }));
  }
});
afterAll(work.remove);

test.each(kinds)("a run on %s has its tokenizer's weights to the bit, untrained, and says which they are", (name) => {
  using tokenizer = withMethod(loadModel(place(name), { device: "cpu" }));
  using loaded = withMethod(loadModel(onTop(name), { device: "cpu" }));
  const state = loaded.method.state();
  const own = [...state].filter(([key]) => key.startsWith("target.tokenizer.model."));
  expect(own.length).toBeGreaterThan(20);
  for (const [key, value] of own) {
    const theirs = tokenizer.method.state().get(key.replace("target.tokenizer.model.", ""));
    expect(value.toBytes(), key).toEqual(theirs?.toBytes());
  }
  expect(loaded.method.parameters().filter((one) => one.name.includes("tokenizer"))).toEqual([]);
  const { config } = JSON.parse(readFileSync(join(onTop(name), "run.json"), "utf8")) as { config: RunConfigInput };
  expect(config.method).toMatchObject({
    tokenizer: { hash: expect.stringMatching(/^[0-9a-f]{64}$/), method: tokenizers[name] },
  });
});

test.each(kinds)("what it predicts is the tokens of %s, and pictures are drawn as that draws them", (name) => {
  using tokenizer = withMethod(loadModel(place(name), { device: "cpu" }));
  using loaded = withMethod(loadModel(onTop(name), { device: "cpu" }));
  const [own, made] = [tokenizer.method as Dvae | Vqkd, loaded.method as Beit];
  noGrad(() =>
    scope(() => {
      const image = new Rng(5, "pictures", 0, [0, 1]).normal([3, 16, 16]);
      expect(made.target.call(image).flatten(1).toArray()).toEqual(own.tokens(image).toArray());
      const { predicted } = made.reconstruct(image, stepOf(new Rng(0, "reconstruct", 0, [0, 1])));
      expect(predicted.shape).toEqual([2, 3, 16, 16]);
      const certain = eye(12).indexSelect(0, own.tokens(image).flatten()).reshape([2, 16, 12]); // a prediction of the true tokens
      const drawn = patchify(own.pictures(own.tokens(image)), [4, 4], "channelsLast");
      expect(made.target.pixels(certain, image).toArray()).toEqual(drawn.toArray());
    }),
  );
});

test.each(kinds)(
  "on %s, stopped and resumed, it has the bits of a run that was never stopped, without that run",
  async (name) => {
    const stop = new AbortController();
    const cut = pretrain(beitOn(name), { out: place(`cut-${name}`), signal: stop.signal });
    for await (const event of cut) if (event.type === "step" && event.step === 2) stop.abort();
    await cut.close();
    renameSync(place(name), place("away"));
    const rest = await collect(resume(place(`cut-${name}`), { workers: 1 }));
    renameSync(place("away"), place(name));
    expect(trace(rest)).toHaveLength(4);
    expect(finalState(place(`cut-${name}`))).toEqual(finalState(onTop(name)));
  },
);

test.each(kinds)("on %s, as ONNX, it fills in as it does here, and a plan reads the tokenizer's run", async (name) => {
  using loaded = withMethod(loadModel(onTop(name), { device: "cpu" }));
  const samples = [0, 1];
  const given = scope(() => {
    const { ids, restore } = maskFromNoise(new Rng(3, "mask", 0, samples).uniform([16]), 8);
    const image = new Rng(5, "pictures", 0, samples).normal([3, 16, 16]);
    return { image, ids_keep: ids.slice(1, 0, 8).contiguous(), ids_restore: restore };
  });
  const session = await openSession(autoencoderOnnx(loaded).bytes());
  const found = await session.run(given);
  await session.close();
  const far = noGrad(() =>
    scope(() => {
      const mask = { ids: given.ids_restore.argsort(1), kept: 8 };
      const step = stepOf(new Rng(0, "reconstruct", 0, samples));
      const { rebuilt } = (loaded.method as Beit).reconstruct(given.image, step, mask);
      return relativeDifference(found["rebuilt"] as Tensor, rebuilt);
    }),
  );
  for (const value of [...Object.values(given), ...Object.values(found)]) value.dispose();
  expect(far).toBeLessThan(1e-4);
  expect(recordRun(parseConfig(beitOn(name)), "float32").size).toBeGreaterThan(0);
});

test("runs that do not fit are refused: of another method, with other patches, with other weights, normalised otherwise", () => {
  const build = (input: RunConfigInput): void => trainingOf(parseConfig(input)).method.close();
  expect(() =>
    build(beitOn("dvae", { method: { name: "beit", tokenizer: { name: "dvae", run: onTop("dvae") } } })),
  ).toThrow("is a run of beit, the tokenizer is to be one of dvae");
  expect(() => build(beitOn("dvae", { model: { ...vit, patchSize: 8 } }))).toThrow(
    "the tokenizer has a token for 4 × 4 pixels, a patch has 8 × 8",
  );
  const hash = "0".repeat(64);
  const method = { name: "beit", tokenizer: { name: "dvae", run: place("dvae"), hash } };
  expect(() => build(beitOn("dvae", { method }))).toThrow("the configuration asks for 000");
  const { data } = beitOn("dvae");
  expect(() => build(beitOn("dvae", { data: { ...data, mean: [0, 0, 0] } }))).toThrow(
    "was trained on pictures with mean",
  );
});
