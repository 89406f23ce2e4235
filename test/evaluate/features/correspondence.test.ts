import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openSource } from "../../../src/data/source.js";
import { scope } from "../../../src/engine/scope.js";
import { correspondences, measureCorrespondence } from "../../../src/evaluate/features/correspondence.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { smallMethod, smallModel } from "../../methods/small.js";
import { collect, tinyRun, workFolder, writePictures } from "../../train/example.js";

interface Case {
  readonly noise: number;
  /** [49 8] */
  readonly first: readonly number[];
  readonly mirrored: readonly number[];
  readonly accuracy: number;
  readonly distance: number;
}

const { cases } = JSON.parse(readFileSync(new URL("../../reference/correspondence.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Case[];
};
const size = { grid: [7, 7], stride: [32, 32] } as const;
const features = (values: readonly number[]): Tensor => tensor(Float32Array.from(values), [1, 49, 8]);

test.each(cases)(
  "the official accuracy and distance of the ten surest, noise $noise",
  ({ first, mirrored, ...theirs }) => {
    scope(() => {
      const { surest, distance } = correspondences(features(first), features(mirrored), size);
      expect(surest).toBeCloseTo(theirs.accuracy, 6);
      expect(distance).toBeCloseTo(theirs.distance, 3);
    });
  },
);

test("sums over pictures; of all places, and of fewer than ten", () => {
  scope(() => {
    const rows = cases.map(({ first }) => features(first));
    const others = cases.map(({ mirrored }) => features(mirrored));
    const each = rows.map((one, i) => correspondences(one, others[i] as Tensor, size).surest);
    const stacked = (parts: readonly Tensor[]): Tensor =>
      tensor(Float32Array.from(parts.flatMap((part) => part.flatten().toNumbers())), [cases.length, 49, 8]);
    const all = correspondences(stacked(rows), stacked(others), size);
    expect(all.surest).toBeCloseTo(
      each.reduce((sum, one) => sum + one),
      5,
    );
    expect(all.all).toBeLessThan(all.surest);
    const four = new Rng(0, "four", 0, [0]).normal([4, 8]); // two by two
    const turned = tensor(Float32Array.from([1, 0, 3, 2].flatMap((i) => four.select(1, i).toNumbers())), [1, 4, 8]);
    const found = correspondences(four, turned, { grid: [2, 2], stride: [16, 16] });
    expect(found).toEqual({ surest: 1, all: 1, distance: 0 });
  });
});

test("a place whose match lies a row below and a column beside is as far off as that is in pixels", () => {
  scope(() => {
    const four = new Rng(0, "four", 0, [0]).normal([4, 8]);
    const opposite = tensor(Float32Array.from([2, 3, 0, 1].flatMap((i) => four.select(1, i).toNumbers())), [1, 4, 8]);
    const found = correspondences(four, opposite, { grid: [2, 2], stride: [16, 12] });
    expect(found.all).toBe(0);
    expect(found.distance).toBeCloseTo(20, 4); // a row of 16 pixels, a column of 12
  });
});

const work = workFolder("correspondence");
afterAll(work.remove);

test.each([
  ["esvit", "swin", 4],
  ["dino", "vit", 16],
])(
  "a run of %s with a %s: all its pictures, in one batch or more, the same each time",
  async (method, model, places) => {
    const photos = await writePictures(join(work.path, `${method} photos`), 5);
    const config = tinyRun(photos, {
      ...{ epochs: 1, method: smallMethod(method), model: smallModel(model) },
      data: { source: { kind: "folder", path: photos }, imageSize: 16, batchSize: 4, workers: 0 },
    } as Parameters<typeof tinyRun>[1]);
    const out = join(work.path, method);
    await collect(pretrain(config, { out }));
    using loaded = loadModel(out);
    const source = await openSource({ kind: "folder", path: photos });
    const found = await measureCorrespondence(loaded, source);
    expect(found.places).toBe(places);
    for (const share of [found.surest, found.all]) expect(share >= 0 && share <= 1).toBe(true);
    expect(await measureCorrespondence(loaded, source)).toEqual(found);
    const every = await measureCorrespondence(loaded, source, { pairs: 1000 });
    expect(every.surest).toBeCloseTo(every.all, 6);
  },
);
