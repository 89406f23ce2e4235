import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Vqkd, vqkd, vqkdConfig } from "../../../src/methods/masked/vqkd.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { onDevice } from "../../../src/nn/parameter.js";
import { unpatchify } from "../../../src/nn/patches.js";
import { AdamW } from "../../../src/optim/adamw.js";
import { weightDecayGroups } from "../../../src/optim/groups.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { loadModel, withMethod } from "../../../src/train/checkpoints/load.js";
import { parseConfig } from "../../../src/train/config.js";
import { pretrain, trainingOf } from "../../../src/train/pretrain.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { collect, stepOf, tinyRun, workFolder, writePictures } from "../../train/example.js";

const work = workFolder("vqkd");
beforeAll(() => writePictures(join(work.path, "photos"), 24));
afterAll(work.remove);
leavesNoTensors();

test.each([
  ["vqkd-small", 72],
  ["vqkd-decoder", 46],
])("%s: losses, gradients, codebook and parameters of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, parts: 2, gradients, "losses of three steps": 1 });
});

const official = { positions: "learned", keyBias: false };
const image = { imageSize: [16, 16], channels: 3 } as const;
const encoder = (changes: object = {}): Vit =>
  new Vit(vitConfig.parse({ width: 32, depth: 2, heads: 2, patchSize: 4, ...official, ...changes }), image);
const options = { vocabulary: 32, codeWidth: 8, decoder: { depth: 1 } };

/** The release with a decoder of three blocks and CLIP's features of 512 as targets. */
test("VQ-KD has the official number of parameters: 108,829,216", () => {
  const large = { imageSize: [224, 224], channels: 3 } as const;
  using model = onDevice(
    "meta",
    () =>
      new Vqkd(
        vqkdConfig.parse({}),
        new Vit(vitConfig.parse({ size: "base", ...official }), large),
        new Vit(vitConfig.parse({ width: 512, depth: 1, heads: 8 }), large),
      ),
  );
  expect(model.parameters().reduce((sum, { tensor }) => sum + tensor.size, 0)).toBe(108_829_216);
});

test("first values are the official ones: 0.02 throughout, less in deeper blocks, PyTorch's for both patch embeddings", () => {
  using model = new Vqkd(vqkdConfig.parse(options), encoder({ width: 128, depth: 4 }), encoder());
  model.initialize(new Rng(0, "init"));
  scope(() => {
    const of = (name: string): Tensor => model.state().get(name)?.detach() as Tensor;
    const deviation = (name: string): number => of(name).flatten().std([0]).item();
    for (const name of [
      "encoder.blocks.0.attn.qkv.weight",
      "decoder.blocks.0.mlp.fc1.weight",
      "encode_task_layer.0.weight",
    ])
      expect(deviation(name), name).toBeCloseTo(0.02, 3);
    expect(deviation("encoder.blocks.3.mlp.fc2.weight")).toBeCloseTo(0.02 / Math.sqrt(8), 3);
    expect(of("encoder.patch_embed.proj.weight").abs().amax([]).item()).toBeCloseTo(1 / Math.sqrt(48), 2);
    expect(of("decoder.patch_embed.proj.weight").abs().amax([]).item()).toBeCloseTo(1 / Math.sqrt(8), 1);
  });
});

const samples = Array.from({ length: 16 }, (_, i) => i);
/** Smooth pictures: noise of 4 × 4 made large. */
const pictures = (): Tensor => {
  const coarse = new Rng(2, "x", 0, samples).normal([16, 3]); // [16 16 3]
  return unpatchify(coarse.unsqueeze(2).expand([-1, -1, 16, -1]).reshape([16, 16, 48]), [4, 4], [4, 4], "channelsLast");
};

test("a teacher's features are rebuilt from codes, of which most are used; tokens are drawn as the patches that had them", () => {
  using model = new Vqkd(vqkdConfig.parse(options), encoder(), encoder({ width: 24 }));
  model.initialize(new Rng(0, "init"));
  scope(() => noGrad(() => model.fit()?.run(pictures(), new Rng(0, "fit"))));
  model.setTraining(true);
  const teacher = model.teacher as Vit;
  expect(teacher.training).toBe(false);
  const frozen = scope(() => [...teacher.state().values()].map((value) => value.toBytes().toString()));
  const optimizer = new AdamW(weightDecayGroups(model.parameters(), 0), { betas: [0.9, 0.99], epsilon: 1e-8 });
  const seen = Array.from({ length: 80 }, (_, i) =>
    scope(() => {
      optimizer.zeroGrad();
      const { total, parts } = model.call(
        { image: pictures() },
        { ...stepOf(new Rng(1, "step", 0, samples)), index: i },
      );
      backward(total);
      optimizer.step({ learningRate: 2e-3 });
      return { distance: parts?.["distance"]?.item() ?? 0, used: parts?.["used"]?.item() ?? 0 };
    }),
  );
  optimizer.zeroGrad();
  optimizer.close();
  const last = seen.at(-1);
  expect(last?.distance).toBeLessThan(0.3 * (seen[0]?.distance ?? 0));
  expect(last?.used).toBeGreaterThan(0.5);
  expect(scope(() => [...teacher.state().values()].map((value) => value.toBytes().toString()))).toEqual(frozen);
  noGrad(() =>
    scope(() => {
      const made = model.reconstruct(pictures());
      expect(made.predicted.sub(pictures()).pow(2).mean().item()).toBeLessThan(0.7); // of 1 that grey has
      expect(made.predicted.toArray()).toEqual(model.pictures(model.tokens(pictures())).toArray());
    }),
  );
});

test("decay spares class tokens and positions of encoder and decoder; batches stay whole", () => {
  using model = new Vqkd(vqkdConfig.parse(options), encoder(), encoder());
  const spared = model.parameters().filter((one) => model.ruleFor(one)?.decays === false);
  expect(spared.map(({ name }) => name).sort()).toEqual([
    ...["decoder.cls_token", "decoder.pos_embed", "encoder.cls_token", "encoder.pos_embed"],
  ]);
  expect(vqkd.couplesBatch(vqkdConfig.parse({}))).toContain("whole batch");
});

test("a run is the teacher of another: its encoder's weights to the bit, named with their hash; other patches are refused", async () => {
  const place = (name: string): string => join(work.path, name);
  const vit = { name: "vit", width: 32, depth: 1, heads: 2, patchSize: 4 } as const;
  const decoder = { width: 32, depth: 1, heads: 2 };
  const mae = tinyRun(place("photos"), { epochs: 1, model: { ...vit, width: 48 }, method: { name: "mae", decoder } });
  await collect(pretrain(mae, { out: place("mae") }));
  const method = { name: "vqkd", ...options, teacher: { name: "run", run: place("mae") } } as const;
  await collect(pretrain(tinyRun(place("photos"), { epochs: 1, model: vit, method }), { out: place("vqkd") }));
  using teacher = withMethod(loadModel(place("mae"), { device: "cpu" }));
  using loaded = withMethod(loadModel(place("vqkd"), { device: "cpu" }));
  const state = loaded.method.state();
  for (const [name, value] of teacher.method.encoder.state())
    expect(state.get(`teacher.${name}`)?.toBytes(), name).toEqual(value.toBytes());
  expect((loaded.method as Vqkd).config.teacher).toMatchObject({ hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const wide = tinyRun(place("photos"), { model: { ...vit, patchSize: 8 }, method });
  expect(() => trainingOf(parseConfig(wide))).toThrow(
    "the teacher has a place for every 4 × 4 pixels, a patch has 8 × 8",
  );
});
