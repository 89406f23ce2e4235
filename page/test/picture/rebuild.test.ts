import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Mae, maeConfig } from "../../../src/methods/masked/mae.js";
import { maskOf } from "../../../src/methods/parts/masks.js";
import { alone } from "../../../src/methods/world.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { Rng } from "../../../src/tensor/random.js";
import { tensor } from "../../../src/tensor/tensor.js";
import { toImages } from "../../../src/train/batch.js";
import { toPixels } from "../../../src/train/watch/panels.js";
import { congruential } from "../../../test/numbers.js";
import { normalized } from "../../src/picture/pixels.js";
import { rebuilt } from "../../src/picture/rebuild.js";
import { patchStatistics } from "../../src/picture/statistics.js";

const grid = { rows: 3, columns: 2 };
const patch = [4, 6] as const;
const mask = Uint8Array.of(0, 1, 1, 0, 1, 1);

function picture(channels: number) {
  const next = congruential(9);
  const data = Uint8Array.from({ length: 12 * 12 * channels }, () => Math.floor((next() + 1) * 127.9));
  return { data, height: 12, width: 12, channels };
}

/** What the library makes of the same picture and mask: the raw prediction, and both ways to show it. */
function reference(channels: number, normalizeTargets: boolean) {
  const [mean, std] = [Array(channels).fill(0.45), Array(channels).fill(0.25)] as [number[], number[]];
  const vit = new Vit(vitConfig.parse({ width: 16, depth: 1, heads: 2, patchSize: [...patch] }), {
    imageSize: [12, 12],
    channels,
  });
  const decoder = { width: 8, depth: 1, heads: 2 };
  const mae = new Mae(maeConfig.parse({ decoder, normalizeTargets }), vit);
  mae.initialize(new Rng(0, "init"));
  try {
    return noGrad(() =>
      scope(() => {
        const image = toImages(picture(channels), mean, std);
        const ids = tensor(BigInt64Array.of(0n, 3n, 1n, 2n, 4n, 5n), [1, 6]);
        const made = mae.reconstruct(
          image,
          { index: 0, epoch: 0, progress: 0, rng: new Rng(0, "x", 0, [0]), world: alone },
          { ids, kept: 2 },
        );
        const order = maskOf(ids, 2);
        const prediction = mae.decoder.call(mae.encodeVisible(image, order), order).float().toArray() as Float32Array;
        const bytes = (which: "rebuilt" | "predicted"): Uint8Array => toPixels(made[which], mean, std);
        return { mean, std, prediction, rebuilt: bytes("rebuilt"), predicted: bytes("predicted") };
      }),
    );
  } finally {
    mae.close();
  }
}

test.each([
  { channels: 3, normalizeTargets: true },
  { channels: 3, normalizeTargets: false },
  { channels: 1, normalizeTargets: true },
])("the same pictures as the library's: %o", ({ channels, normalizeTargets }) => {
  const { mean, std, prediction, ...theirs } = reference(channels, normalizeTargets);
  const original = picture(channels);
  const exact = patchStatistics(normalized(original, { mean, std }), grid, patch);
  const statistics = normalizeTargets ? exact : undefined;
  const input = { picture: original, grid, patch, mask, prediction, statistics, mean, std };
  for (const [everywhere, expected] of [
    [false, theirs.rebuilt],
    [true, theirs.predicted],
  ] as const) {
    const { data } = rebuilt({ ...input, everywhere });
    const grey = (i: number): number => expected[channels === 1 ? i * 3 : i] as number;
    const differences = Array.from(data, (byte, i) => Math.abs(byte - grey(i)));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1); // float32 there, float64 here
    expect(differences.filter((one) => one > 0).length).toBeLessThan(data.length / 50);
  }
});
