import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { writeTorch } from "../../../src/formats/torch-pickle.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { made, pictures } from "../../models/convnet-formula.js";
import { micro, writeOfficial } from "../../models/published/formula.js";
import { siameseCases } from "../../models/published/recorded.js";
import { workFolder } from "../example.js";

const work = workFolder("norms");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);

/** A ResNet of four blocks, its convolutions so many times as large as they would be. */
function resnet(name: string, times = 1): string {
  const tensors = siameseCases.swav.tensors.flatMap(([full, shape]) => {
    const own = full.replace(/^module\./, "");
    if (!/^(?:conv1|bn1|layer\d)\b/.test(own) || own.endsWith("num_batches_tracked")) return [];
    const data = made(own, shape).map((value) => (shape.length === 4 ? times * value : value));
    return [[own, { dtype: "F32", shape, data: () => new Uint8Array(data.buffer) }] as const];
  });
  writeTorch(place(name), new Map(tensors));
  const [out, imageSize] = [place(`${name}.safetensors`), [64, 64] as const];
  convert(place(name), out, { imageSize, overwrite: true });
  return out;
}

const numbers = (path: string, name: string): number[] => {
  using published = openModelFile(path);
  return [...new Float32Array(published.tensors.get(name)?.read().data.slice().buffer ?? new ArrayBuffer(0))];
};
const features = (path: string): number[] => {
  using model = loadModel(path);
  return noGrad(() => scope(() => model.features(pictures(2, 64)).toNumbers()));
};

test("a model has its own norms already: every factor is 1, and no number changes", () => {
  const model = resnet("one.pth");
  const { sizes = [] } = convert(model, place("same.safetensors"), { normsOf: model });
  expect(sizes).toHaveLength(17); // the stem's, three in each of four blocks and one around each
  for (const { norm, theirs } of sizes) expect(theirs).toBe(norm);
  for (const name of ["layer2.0.conv2.weight", "layer2.0.bn2.running_var"])
    expect(numbers(place("same.safetensors"), name)).toEqual(numbers(model, name));
});

test("weights get the other model's norms, statistics go with them, and features stay", () => {
  const [model, other] = [resnet("one.pth"), resnet("other.pth", 4)];
  const { sizes = [] } = convert(model, place("as.safetensors"), { normsOf: other });
  const as = place("as.safetensors");
  for (const { name, norm, theirs, mean, variance, largest } of sizes) {
    const [before, after] = [numbers(model, name), numbers(as, name)];
    expect(norm).toBeCloseTo(Math.hypot(...before), 3);
    expect(theirs / norm).toBeCloseTo(4, 5);
    expect(Math.hypot(...after) / theirs).toBeCloseTo(1, 5);
    expect(mean).toBeCloseTo(before.reduce((a, b) => a + b, 0) / before.length, 6);
    expect(variance).toBeCloseTo(before.reduce((sum, x) => sum + (x - mean) ** 2, 0) / before.length, 6);
    expect(largest).toBe(Math.max(...before.map(Math.abs)));
  }
  for (const [statistic, factor] of [
    ["running_mean", 4],
    ["running_var", 16],
    ["weight", 1],
    ["bias", 1],
  ] as const) {
    const [before, after] = [model, as].map((path) => numbers(path, `layer3.0.downsample.1.${statistic}`));
    for (const [i, value] of (after ?? []).entries())
      expect(Math.abs(value - factor * (before?.[i] ?? 0))).toBeLessThan(1e-5 * factor);
  }
  const [was, is] = [features(model), features(as)];
  const largest = Math.max(...was.map(Math.abs));
  for (const [i, value] of is.entries()) expect(Math.abs(value - (was[i] ?? 0)) / largest).toBeLessThan(2e-4); // batch norm's ε
});

test("refused: a model without batch norm, and norms of another architecture", () => {
  const vit = writeOfficial(place("vit.pth"), micro);
  expect(() => convert(vit, place("x.safetensors"), { heads: 2, normsOf: resnet("one.pth") })).toThrow(
    "no weight of vit has a batch norm behind it",
  );
  convert(vit, place("vit.safetensors"), { heads: 2 });
  expect(() => convert(resnet("one.pth"), place("y.safetensors"), { normsOf: place("vit.safetensors") })).toThrow(
    /conv1\.weight has the shape .* in the model, and no such tensor in the one whose norms/,
  );
});
