import { expect, test } from "vitest";
import type { OpName } from "../../src/engine/dispatch.js";
import { operations } from "../../src/graph/operations.js";
import { recordRun } from "../../src/plan/predict.js";
import { profileStep } from "../../src/plan/profile.js";
import { parseConfig, type RunConfigInput } from "../../src/train/config.js";
import { leavesNoTensors } from "../engine/leaks.js";

leavesNoTensors();

const config = (more: Partial<RunConfigInput> = {}) =>
  parseConfig({
    model: { name: "vit", width: 32, depth: 2, heads: 2, patchSize: 4 },
    method: { name: "mae", decoder: { width: 16, depth: 1, heads: 2 } },
    data: { source: { kind: "cifar10", split: "train" }, imageSize: 16, batchSize: 4 },
    ...more,
  });

test("a step's products are those of its recording, once forward and at most twice backward", async () => {
  const { seconds, phases, modules, operations: timed } = await profileStep(config(), "float32");
  const recorded = recordRun(config(), "float32").steps.reduce(
    (sum, step) => sum + (operations[step.op as OpName].multiplyAdds?.(step) ?? 0),
    0,
  );
  const counted = timed.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0);
  // The patches want no gradient, so that the first layer's backward pass is one product and not two.
  expect(counted / recorded).toBeGreaterThan(2.5);
  expect(counted / recorded).toBeLessThanOrEqual(3);
  expect(phases.forward + phases.backward + phases.other).toBeCloseTo(seconds, 6);
  const [model] = modules;
  expect(model?.multiplyAdds).toBe(counted);
  for (const path of ["encoder.blocks.0.attn", "encoder.blocks.1.mlp", "decoder.decoder_blocks.0.attn"]) {
    const found = modules.find((one) => one.path === path);
    expect(found?.forwardSeconds, path).toBeGreaterThan(0);
    expect(found?.backwardSeconds, path).toBeGreaterThan(0);
  }
  expect(timed.map(({ name }) => name)).toContain("aten::_fused_adamw_");
});

test("what cannot be profiled is said", async () => {
  await expect(profileStep({ ...config(), device: "cuda" }, "float32")).rejects.toThrow("the run is on cuda");
  const fitted = config({ method: { name: "mae", target: "pca", decoder: { width: 16, depth: 1, heads: 2 } } });
  await expect(profileStep(fitted, "float32")).rejects.toThrow("is fitted to the pictures of a run");
});
