import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { autocast, noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { resume } from "../../../src/finetune/resume.js";
import { MocoV3, mocoV3, mocoV3Config } from "../../../src/methods/siamese/moco-v3.js";
import { buildOptimizer } from "../../../src/optim/build.js";
import { absoluteLearningRate, rampAt, rateAt, rateShapeConfig } from "../../../src/optim/schedule.js";
import { openRun } from "../../../src/runs/reader.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { parseConfig } from "../../../src/train/config.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { collect, finalState, stepOf, tinyRun, trace, workFolder, writePictures } from "../../train/example.js";
import { smallEncoder, smallMethod } from "../small.js";

test.each([
  ["moco-v3-vit", 38],
  ["moco-v3-resnet", 68],
])("%s: losses, gradients, teacher and batch statistics of the official code's three steps", (name, gradients) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, parts: 2, gradients, "losses of three steps": 1 });
  expect(tensors["buffers after three steps"]).toBeGreaterThan(10);
});

test("a momentum projector alone, behind shared features: losses, gradients and steps of the definition", () => {
  const path = fileURLToPath(new URL("../../reference/momentum-moco-v3.safetensors", import.meta.url));
  const parts = checkReference(path);
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, gradients: 38, "losses of three steps": 1 });
});

const image = { imageSize: [16, 16], channels: 3 } as const;
const samples = Array.from({ length: 8 }, (_, i) => i);
const step = stepOf(new Rng(1, "step", 0, samples));
const pictures = (name: string): Tensor => new Rng(2, name, 0, samples).normal([3, 16, 16]);
const batch = () => ({ first: pictures("first"), second: pictures("second") });
const bits = (model: MocoV3) => new Map([...model.state()].map(([name, value]) => [name, value.toNumbers().join()]));

function build(changes: object = {}): MocoV3 {
  const make = () => smallEncoder("vit", image);
  const model = new MocoV3(mocoV3Config.parse({ ...smallMethod("mocoV3"), ...changes }), make(), make);
  model.initialize(new Rng(0, "init"));
  noGrad(() => scope(() => model.begin()));
  model.setTraining(true);
  return model;
}

function train(model: MocoV3, rates: readonly number[]): void {
  const config = { name: "adamw", baseLearningRate: 1, betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.1 } as const;
  const optimizer = buildOptimizer({ ...config, betas: [0.9, 0.999] }, model.parameters(), () => model.ruleFor());
  for (const rate of rates) {
    scope(() => backward(model.call(batch(), step).total));
    optimizer.step(rate);
    optimizer.zeroGrad();
  }
  optimizer.close();
}

test("schedules of the official code: rate and momentum", () => {
  const peak = absoluteLearningRate(1.5e-4, 4096);
  const rate = (epoch: number): number =>
    rateAt(rateShapeConfig.parse(undefined), { peak, warmup: 40, total: 300 }, epoch);
  const golden = { 0: 0, 1: 6e-5, 20: 0.0012, 40: 0.0024, 100: 0.00209821, 170: 0.0012, 235: 0.00035147 };
  for (const [epoch, value] of Object.entries(golden)) expect(rate(Number(epoch))).toBeCloseTo(value, 8);
  const momentum = (from: number) => [0, 0.25, 0.5, 0.75, 1].map((at) => rampAt({ ...usual, from }, at));
  const { momentum: ramp } = mocoV3Config.parse({});
  const usual = ramp as Exclude<typeof ramp, number>;
  for (const [i, value] of [0.99, 0.99146447, 0.995, 0.99853553, 1].entries())
    expect(momentum(0.99)[i]).toBeCloseTo(value, 8);
  for (const [i, value] of [0.996, 0.99658579, 0.998, 0.99941421, 1].entries())
    expect(momentum(0.996)[i]).toBeCloseTo(value, 8);
  expect(usual.from).toBe(0.99);
});

test("first values of the official code, and a teacher that begins as the student", () => {
  using model = build();
  scope(() => {
    const largest = (name: string): number => (model.state().get(name) as Tensor).abs().amax([]).item();
    const bound = Math.sqrt(3 / 32); // q, k and v each by itself
    expect(largest("encoder.blocks.0.attn.qkv.weight")).toBeLessThanOrEqual(bound);
    expect(largest("encoder.blocks.0.attn.qkv.weight")).toBeGreaterThan(0.99 * bound);
    expect(largest("encoder.patch_embed.proj.weight")).toBeLessThanOrEqual(Math.sqrt(6 / (3 * 16 + 32)));
    expect(largest("encoder.patch_embed.proj.bias")).toBe(0);
    expect(largest("encoder.cls_token")).toBeLessThan(1e-5);
    expect(largest("encoder.cls_token")).toBeGreaterThan(0);
    for (const name of model.teacher.state().keys())
      expect(model.teacher.state().get(name)?.toNumbers()).toEqual(model.state().get(name)?.toNumbers());
  });
});

test("a first step with rate 0 leaves every weight and the teacher as they are; batch statistics move", () => {
  using model = build();
  const before = bits(model);
  train(model, [0]);
  const moved = [...bits(model)].flatMap(([name, value]) => (value === before.get(name) ? [] : [name]));
  expect(moved.length).toBeGreaterThan(10);
  expect(moved.filter((name) => !/\.running_(mean|var)$/.test(name))).toEqual([]);
});

test("a frozen patch projection and the positions stay to the bit under decay, all other weights move", () => {
  using model = build();
  const before = bits(model);
  train(model, [1e-3, 1e-3, 1e-3, 1e-3, 1e-3]);
  const kept = [...bits(model)].flatMap(([name, value]) => (value === before.get(name) ? [name] : []));
  const fixed = ["pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"];
  expect(kept.sort()).toEqual(["encoder.", "teacher.encoder."].flatMap((at) => fixed.map((name) => at + name)).sort());
  using free = build({ freezePatchEmbed: false });
  expect(free.parameters().map(({ name }) => name)).toContain("encoder.patch_embed.proj.weight");
});

test("decay acts on every tensor, or as usual", () => {
  using model = build();
  expect(model.ruleFor()).toEqual({ decays: true });
  using usual = build({ decayAll: false });
  expect(usual.ruleFor()).toBeUndefined();
});

test("no gradient reaches the teacher, and it has no predictor", () => {
  using model = build();
  scope(() => backward(model.call(batch(), step).total));
  const teacher = [...model.state()].filter(([name]) => name.startsWith("teacher."));
  expect(teacher.filter(([, value]) => value.requiresGrad || value.grad !== undefined)).toEqual([]);
  expect(teacher.filter(([name]) => name.includes("predictor"))).toEqual([]);
});

test("a projector's teacher that shares features makes the loss and gradients of one with an encoder of its own", () => {
  const run = (route: "full" | "shared") => {
    using model = build({ target: { scope: "projector", route }, momentum: 0.5 });
    train(model, [0.01]);
    const loss = scope(() => model.call(batch(), step).total.item());
    return { loss, hasEncoder: [...model.state().keys()].some((name) => name.startsWith("teacher.encoder.")) };
  };
  const [full, shared] = [run("full"), run("shared")];
  expect(shared.loss).toBeCloseTo(full.loss, 5);
  expect([full.hasEncoder, shared.hasEncoder]).toEqual([true, false]);
});

test("evaluation moves nothing, and does not mind which view comes first", () => {
  using model = build();
  train(model, [1e-3]);
  model.setTraining(false);
  const before = bits(model);
  scope(() => {
    const { first, second } = batch();
    const loss = model.call({ first, second }, step).total.item();
    expect(model.call({ first: second, second: first }, step).total.item()).toBeCloseTo(loss, 6);
  });
  expect(bits(model)).toEqual(before);
});

test("logs gradient norms of first and last layer, and of a patch projection that is trained", () => {
  for (const freezePatchEmbed of [true, false]) {
    using model = build({ freezePatchEmbed });
    scope(() => {
      backward(model.call(batch(), step).total);
      const norms = noGrad(() => model.beforeUpdate(step, model.parameters()));
      const layers = ["gradNorm.blocks.0", "gradNorm.blocks.1"];
      expect(Object.keys(norms)).toEqual(freezePatchEmbed ? layers : ["gradNorm.patch_embed", ...layers]);
      const block = model.parameters().filter(({ name }) => name.startsWith("encoder.blocks.1."));
      const squares = block.map(({ tensor }) => (tensor.grad as Tensor).pow(2).sum().item());
      const expected = Math.sqrt(squares.reduce((a, b) => a + b, 0));
      expect(norms["gradNorm.blocks.1"]?.item()).toBeCloseTo(expected, 6);
    });
  }
});

test("the spread tells features that are one point from features that are not", () => {
  using model = build();
  const spread = (first: Tensor): number =>
    model.call({ first, second: first }, step).parts?.["spread"]?.item() ?? Number.NaN;
  scope(() => {
    expect(spread(pictures("first").slice(0, 0, 1).repeat([8, 1, 1, 1]))).toBeLessThan(1e-3);
    expect(spread(pictures("first"))).toBeGreaterThan(0.02);
  });
});

test("bfloat16 gives nearly the same loss", () => {
  using model = build();
  const loss = (): number => scope(() => model.call(batch(), step).total.item());
  const exact = loss();
  expect(Math.abs(autocast("bfloat16", loss) / exact - 1)).toBeLessThan(0.05);
});

test("a batch is not cut into micro-batches; a momentum above 1 is refused", () => {
  expect(mocoV3.couplesBatch(mocoV3Config.parse({}))).toMatch(/negatives/);
  const run = { ...tinyRun("photos"), method: { name: "mocoV3" as const } };
  const optim = { ...run.optim, name: "adamw" as const, accumulate: 2 };
  expect(() => parseConfig({ ...run, optim })).toThrow(/mocoV3 cannot be trained in micro-batches/);
  expect(() => mocoV3Config.parse({ momentum: 1.5 })).toThrow("between 0 and 1");
});

const work = workFolder("moco-v3");
afterAll(work.remove);

test("a run that was stopped goes on to the bit, teacher and statistics too", async () => {
  const photos = await writePictures(join(work.path, "photos"), 24);
  const method = smallMethod("mocoV3") as never;
  const heldOut = { kind: "folder", path: photos } as const;
  const config = tinyRun(photos, { method, data: { ...tinyRun(photos).data, heldOut } });
  const whole = join(work.path, "whole");
  const events = await collect(pretrain(config, { out: whole }));
  const last = events.findLast((event) => event.type === "step");
  expect(Object.keys(last?.type === "step" ? (last.parts ?? {}) : {})).toContain("gradNorm.blocks.0");
  const stopped = join(work.path, "stopped");
  const stop = new AbortController();
  const run = pretrain(config, { out: stopped, signal: stop.signal });
  for await (const event of run) if (event.type === "step" && event.step === 5) stop.abort();
  await run.close();
  await collect(resume(stopped, { workers: 1 }));
  expect(trace(openRun(stopped).events)).toEqual(trace(events));
  expect(finalState(stopped)).toEqual(finalState(whole));
  expect(JSON.stringify(openRun(whole).run.health)).toContain('"margin"');
});
