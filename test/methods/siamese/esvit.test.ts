import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import type { Batch } from "../../../src/methods/method.js";
import type { CropName } from "../../../src/methods/parts/multi-crop.js";
import { EsVit, esvit, esvitConfig } from "../../../src/methods/siamese/esvit.js";
import type { RegionEncoder } from "../../../src/models/encoder.js";
import { Swin, swinConfig } from "../../../src/models/swin/swin.js";
import { onDevice } from "../../../src/nn/parameter.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { stepOf } from "../../train/example.js";
import { smallEncoder, smallMethod } from "../small.js";

leavesNoTensors();

test.each([
  ["esvit-crops", [96, 194]],
  ["esvit-padded", [90, 186]],
])("%s: losses, gradients, teachers and centres of the official code's three steps", (name, counts) => {
  const parts = checkReference(fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url)));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const tensors = Object.fromEntries(parts.map((part) => [part.part, part.tensors]));
  expect(tensors).toMatchObject({ loss: 1, "losses of three steps": 1 });
  expect([tensors["gradients"], tensors["parameters after three steps"]]).toEqual(counts);
});

const image = { imageSize: [16, 16], channels: 3 } as const;
const samples = [0, 1, 2, 3];
const step = stepOf(new Rng(1, "step", 0, samples));

function build(changes: object = {}): EsVit {
  const make = () => smallEncoder("swin", image) as RegionEncoder;
  const model = new EsVit(esvitConfig.parse({ ...smallMethod("esvit"), ...changes }), make(), make);
  model.initialize(new Rng(0, "init"));
  noGrad(() => scope(() => model.begin()));
  model.setTraining(true);
  return model;
}

/** Crops of four pictures. */
function batch(): Batch<CropName> {
  const crop = (name: string, side: number): Tensor => new Rng(2, name, 0, samples).normal([3, side, side]);
  const [global1, global2] = [crop("global1", 16), crop("global2", 16)];
  return { global1, global2, local1: crop("local1", 8), local2: crop("local2", 8) };
}

test("the loss between regions joins where it is told to; before, it is DINO's and the region heads stand still", () => {
  using model = build({ regionsFrom: 0.5, regionWeight: 0.25 });
  scope(() => {
    const early = model.call(batch(), { ...step, progress: 0.4 });
    expect(Object.keys(early.parts ?? {})).not.toContain("regions");
    expect(model.regionCentre.toNumbers().every((value) => value === 0)).toBe(true);
    backward(early.total);
    const moved = model.parameters().filter(({ tensor }) => tensor.grad !== undefined);
    expect(moved.some(({ name }) => name.startsWith("region_projector."))).toBe(false);
    for (const { tensor } of model.parameters()) tensor.grad = undefined;
    model.setTraining(false);
    const [view, both] = [0.4, 0.5].map((progress) => model.call(batch(), { ...step, progress }));
    const regions = both?.parts?.["regions"]?.item() ?? Number.NaN;
    expect(both?.total.item()).toBeCloseTo(0.75 * (view?.total.item() ?? 0) + 0.25 * regions, 5);
  });
});

test("the heads of regions begin as their student's, follow it, and no gradient reaches the teacher's", () => {
  using model = build({ momentum: 0.5 });
  const value = (name: string): number[] => model.state().get(name)?.toNumbers() ?? [];
  const [ours, theirs] = ["region_projector.mlp.0.weight", "region_teacher.projector.mlp.0.weight"] as const;
  expect(value(theirs)).toEqual(value(ours));
  scope(() => {
    noGrad(() => void model.state().get(ours)?.add_(1));
    model.afterStep(step);
    const [student, teacher] = [value(ours), value(theirs)];
    const apart = student.map((one, i) => Math.abs(one - (teacher[i] ?? 0) - 0.5));
    expect(Math.max(...apart)).toBeLessThan(1e-5);
    backward(model.call(batch(), step).total);
  });
  expect([...model.regionTeacher.state().values()].every(({ grad }) => grad === undefined)).toBe(true);
  for (const { tensor } of model.parameters()) tensor.grad = undefined;
});

test("Swin-T: heads of 23,138,560 parameters, 49 regions of a large crop and 9 of a small one", () => {
  const make = (): RegionEncoder => new Swin(swinConfig.parse({}), { imageSize: [224, 224], channels: 3 });
  const config = esvitConfig.parse({ projector: { normLastLayer: false } });
  using model = onDevice("meta", () => new EsVit(config, make(), make));
  const count = [...model.regionProjector.state().values()].reduce((sum, { size }) => sum + size, 0);
  expect(count).toBe(23_138_560);
  using encoder = new Swin(swinConfig.parse({ width: 8 }), { imageSize: [224, 224], channels: 3 });
  const tokens = [224, 96].map((side) =>
    noGrad(() => scope(() => encoder.regions(new Rng(0, "x", 0, [0]).normal([3, side, side])).shape)),
  );
  expect(tokens).toEqual([
    [1, 49, 64],
    [1, 9, 64],
  ]);
});

test("views are DINO's, and why the batch stays whole", () => {
  const config = esvitConfig.parse({});
  expect(Object.keys(esvit.views(config, { imageSize: [224, 224], channels: 3 }))).toHaveLength(10);
  expect(esvit.couplesBatch(config)).toContain("centres");
});
