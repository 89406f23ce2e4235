import { describe, expect, it } from "vitest";
import { liveTensors } from "../../../src/engine/scope.js";
import { extractFeatures, type FeatureBatch } from "../../../src/evaluate/features/extract.js";
import { pixelFeatures } from "../../../src/evaluate/features/pixels.js";
import { zeros } from "../../../src/tensor/creation.js";
import type { Tensor } from "../../../src/tensor/tensor.js";

const options = { mean: [0.5], std: [0.25] };

/** Five pictures of 2 × 1 in batches of two, all in one buffer that is written over as the loader's ring is. */
async function* batches(labelled = true): AsyncIterable<FeatureBatch> {
  const ring = new Uint8Array(4);
  const samples = new Int32Array(2);
  for (const [from, count] of [
    [0, 2],
    [2, 2],
    [4, 1],
  ] as const) {
    for (let i = 0; i < 2 * count; i++) ring[i] = 10 * (2 * from + i);
    for (let i = 0; i < count; i++) samples[i] = 100 + from + i;
    const view = { data: ring.subarray(0, 2 * count), height: 2, width: 1, channels: 1 };
    const ids = samples.subarray(0, count);
    yield { views: { image: view }, samples: ids, labels: labelled ? ids.map((id) => id % 3) : undefined };
    ring.fill(255);
  }
}

describe("extractFeatures", () => {
  it("joins the batches in order and keeps nothing else", async () => {
    const live = liveTensors();
    const found = await extractFeatures(pixelFeatures, batches(), options);
    expect(liveTensors()).toBe(live + 1);
    expect(found.features.shape).toEqual([5, 2]);
    for (const [i, value] of found.features.toNumbers().entries())
      expect(value).toBeCloseTo((i * 10) / 255 / 0.25 - 2, 5);
    expect([...found.samples]).toEqual([100, 101, 102, 103, 104]);
    expect([...(found.labels ?? [])]).toEqual([1, 2, 0, 1, 2]);
    found.features.dispose();
  });

  it("has no labels where the source has none, and float32 from any encoder", async () => {
    const found = await extractFeatures((images) => pixelFeatures(images).to("bfloat16"), batches(false), options);
    expect(found.labels).toBeUndefined();
    expect(found.features.dtype).toBe("float32");
    found.features.dispose();
  });

  it("records no gradients", async () => {
    const weight = zeros([2, 3]).setRequiresGrad(true);
    const found = await extractFeatures((images) => pixelFeatures(images).matmul(weight), batches(), options);
    expect(found.features.requiresGrad).toBe(false);
    found.features.dispose();
    weight.dispose();
  });

  it("frees what it has when an encoder fails, and says what was wrong", async () => {
    const live = liveTensors();
    let calls = 0;
    const failing = (images: Tensor) => (++calls === 2 ? images : pixelFeatures(images));
    await expect(extractFeatures(failing, batches(), options)).rejects.toThrow(
      "an encoder must give [2 D] for these images, got [2 1 2 1].",
    );
    expect(liveTensors()).toBe(live);
  });

  it("names a missing view and an empty source", async () => {
    await expect(extractFeatures(pixelFeatures, batches(), { ...options, view: "two" })).rejects.toThrow(
      "the batches have no view two, only image.",
    );
    async function* none(): AsyncIterable<FeatureBatch> {}
    await expect(extractFeatures(pixelFeatures, none(), options)).rejects.toThrow(
      "there were no batches to take features from.",
    );
  });
});
