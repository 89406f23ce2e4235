// Cases in small: that their sides agree, and what their steps are counted to cost.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cases } from "../../bench/cases/index.mjs";
import { kinds, variant } from "../../bench/cases/kinds.mjs";
import { runPair } from "../../bench/pair.mjs";
import { root } from "../../bench/record.mjs";
import { matrixRate, stepOperations } from "../../bench/workers/matrix.mjs";
import { autocast } from "../../dist/engine/modes.js";
import { alone } from "../../dist/methods/world.js";

const small = {
  "mae-ti4": {
    batch: 2,
    imageSize: 16,
    width: 24,
    depth: 2,
    heads: 2,
    decoderWidth: 16,
    decoderDepth: 1,
    decoderHeads: 2,
  },
  "fcmae-atto": { batch: 2, imageSize: 96, widths: [8, 16, 32, 64], depths: [1, 1, 2, 1], decoderWidth: 32 },
  "simsiam-resnet18": { batch: 8, imageSize: 16 },
  "dino-s16": {
    ...{ batch: 2, imageSize: 64, localSize: 32, locals: 2, width: 24, depth: 2, heads: 2 },
    ...{ outputs: 32, hidden: 24, bottleneck: 16 },
  },
  "moco-v3-s16": { batch: 8, imageSize: 32, width: 24, depth: 2, heads: 2, hidden: 48, output: 16 },
};
const smallCase = (name) => ({ ...cases.find((one) => one.name === name), ...small[name] });

const once = { pairs: 2, warmup: 1, threads: 1, say: () => {} };

/** A comparison that needs no Python: Lacuna with itself. */
const neighbours = {
  ...once,
  settings: { ...cases.find(({ name }) => name === "knn"), batch: 10, bank: 20, width: 4, classes: 5, k: 3 },
  precision: "float32",
};

describe("Lacuna once more, in another environment", () => {
  test("is a side like any other", async () => {
    const setting = "GOMP_SPINCOUNT=300000";
    const { sides, check } = await runPair({ ...neighbours, peers: { [setting]: variant(kinds.knn, setting) } });
    expect(sides.map(({ name }) => name)).toEqual(["lacuna", setting]);
    expect(check.predictions.difference).toBe(0);
  });

  test("the environment is of that side alone", async () => {
    const peers = { broken: variant(kinds.knn, "NODE_OPTIONS=--no-such-option") };
    await expect(runPair({ ...neighbours, peers })).rejects.toThrow(/No peer could be started[\s\S]*no-such-option/);
  });

  test.each([
    [["--env", "SPIN"], "expected NAME=VALUE, got SPIN"],
    [["--env", "A=1", "--record"], "they are not recorded"],
    [["--beside", "1", "--record"], "they are not recorded"],
    [["--peers", "none"], "leaves nothing to compare with"],
  ])("%j is refused before anything is started", (args, words) => {
    const { status, stderr } = spawnSync(process.execPath, [join(root, "bench", "run.mjs"), ...args], {
      encoding: "utf8",
    });
    expect(stderr).toContain(words);
    expect(status).toBe(1);
  });
});

// Eager peers: what is compiled is the same code, and the bench says where it fails.
const python = process.env.LACUNA_BENCH_PYTHON;
describe.skipIf(!python)("PyTorch computes the same", () => {
  const eager = ({ kind }) =>
    Object.fromEntries(Object.entries(kinds[kind].peers).filter(([, { options }]) => options?.compile === undefined));

  test.each(Object.keys(small))("%s", { timeout: 600_000 }, async (name) => {
    const settings = smallCase(name);
    const peers = eager(settings);
    const outcome = await runPair({ ...once, settings, peers, precision: "float32", python });
    expect(outcome.failed).toEqual([]);
    expect(Object.keys(outcome.check)).toEqual(["float32", "bfloat16", "trained"]);
    expect(outcome.check.trained.difference).toBeLessThan(1e-4);
    expect(outcome.products.operations).toBeGreaterThan(0);
  });
});

describe("operations of a step", () => {
  const shape = ({ imageSize, patchSize, width: D, depth, channels = 3 }) => {
    const N = (imageSize / patchSize) ** 2;
    const T = N + 1;
    return { embed: N * channels * patchSize ** 2 * D, blocks: depth * (12 * T * D * D + 2 * T * T * D) };
  };

  test.each(["float32", "bfloat16"])("an encoder's are those of its layers, in %s", (precision) => {
    const settings = { kind: "embed", imageSize: 16, patchSize: 4, width: 24, depth: 2, heads: 2 };
    const { embed, blocks } = shape(settings);
    const image = { shape: [3, 3, 16, 16], dtype: "float32" };
    const run = (model, given) => autocast(precision, () => model.features(given.image));
    expect(stepOperations(settings, { image }, run, { backward: false })).toBe(2 * 3 * (embed + blocks));
  });

  test("backward goes neither through MoCo v3's teacher nor through the frozen projection", () => {
    const settings = smallCase("moco-v3-s16");
    const { batch: B, width, hidden, output } = settings;
    const { embed, blocks } = shape(settings);
    const projector = width * hidden + hidden * hidden + hidden * output;
    const predictor = 2 * hidden * output;
    const cosines = 2 * B * B * output;
    const forward = 2 * B * (2 * (embed + blocks + projector) + predictor) + cosines;
    const differentiable = 2 * B * (blocks + projector + predictor) + cosines;
    const view = { shape: [B, 3, 32, 32], dtype: "float32" };
    const run = (model, { first, second }) =>
      model.call({ first, second }, { index: 0, epoch: 0, progress: 0, world: alone });
    const counted = stepOperations(settings, { first: view, second: view }, run, { backward: true });
    expect(counted).toBe(2 * (forward + 2 * differentiable));
  });
});

test("a machine multiplies at some rate between a megaflop and a petaflop a second", () => {
  const rate = matrixRate("float32", { side: 64, repeats: 3 });
  expect(rate).toBeGreaterThan(1e6);
  expect(rate).toBeLessThan(1e15);
});
