import { expect, test } from "vitest";
import { meterMemory } from "../../src/engine/meter.js";
import { autocast } from "../../src/engine/modes.js";
import { record } from "../../src/engine/record.js";
import { scope } from "../../src/engine/scope.js";
import { stepMemory } from "../../src/graph/memory.js";
import { Mae, maeConfig } from "../../src/methods/masked/mae.js";
import { Vit, vitConfig } from "../../src/models/vit.js";
import { onMeta } from "../../src/nn/parameter.js";
import { empty } from "../../src/tensor/creation.js";
import { backward, dropCheckpoints } from "../../src/tensor/grad.js";
import { asOn } from "../../src/tensor/kernels.js";
import { Rng } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { stepOf } from "../train/example.js";

interface Setting {
  readonly side: number;
  readonly patch: number;
  readonly width: number;
  readonly depth: number;
  readonly batch: number;
  readonly precision: "float32" | "bfloat16";
  readonly checkpointing: boolean;
}

/** Predicted from a recording, and counted by libtorch's allocator on the same step. */
function both({ side, patch, width, depth, batch, precision, checkpointing }: Setting) {
  const vit = new Vit(vitConfig.parse({ width, depth, heads: 4, patchSize: patch }), {
    imageSize: [side, side],
    channels: 3,
  });
  const mae = new Mae(maeConfig.parse({ decoder: { width: width / 2, depth: 1, heads: 2 } }), vit);
  mae.initialize(new Rng(0, "init"));
  vit.blocks.checkpointing = checkpointing;
  mae.setTraining(true);
  const samples = Array.from({ length: batch }, (_, i) => i);
  const step = stepOf(new Rng(0, "step", 0, samples));
  const forward = (image: Tensor): Tensor => mae.call({ image }, step).total;
  const { steps, parameters } = onMeta(mae.state().values(), () =>
    scope(() => {
      const image = empty([batch, 3, side, side], { device: "meta" });
      const { recording } = record(() => asOn("cpu", precision, () => void forward(image)));
      return { steps: recording.steps, parameters: new Map([...mae.state().values()].map((p) => [p.id, p.trainable])) };
    }),
  );
  const segmentOf = (path: readonly string[]): string | undefined =>
    checkpointing && path[1] === "encoder.blocks" ? path[2] : undefined;
  const predicted = stepMemory(steps, { precision, parameters, segmentOf });
  const image = new Rng(1, "image", 0, samples).normal([3, side, side]);
  const kept = scope(() => meterMemory(() => autocast(precision, () => forward(image))).keptBytes);
  dropCheckpoints();
  const { peakBytes } = meterMemory(() => scope(() => backward(autocast(precision, () => forward(image)))));
  mae.close();
  image.dispose();
  return { predicted, kept, peak: peakBytes };
}

test.each([
  { side: 32, patch: 4, width: 96, depth: 3, batch: 16, precision: "float32", checkpointing: false },
  { side: 64, patch: 4, width: 64, depth: 2, batch: 4, precision: "float32", checkpointing: false },
  { side: 32, patch: 4, width: 96, depth: 3, batch: 16, precision: "bfloat16", checkpointing: false },
  { side: 32, patch: 4, width: 128, depth: 3, batch: 16, precision: "float32", checkpointing: false },
  { side: 32, patch: 4, width: 128, depth: 3, batch: 16, precision: "bfloat16", checkpointing: false },
  { side: 32, patch: 4, width: 128, depth: 6, batch: 16, precision: "bfloat16", checkpointing: true },
  { side: 32, patch: 4, width: 96, depth: 6, batch: 16, precision: "float32", checkpointing: true },
  { side: 32, patch: 4, width: 128, depth: 6, batch: 16, precision: "float32", checkpointing: true },
] as Setting[])("%j", (setting) => {
  const { predicted, kept, peak } = both(setting);
  expect(predicted.keptBytes / kept).toBeGreaterThan(0.9);
  expect(predicted.keptBytes / kept).toBeLessThan(1.1);
  expect(predicted.peakBytes / peak, `${predicted.peakBytes} of ${peak}`).toBeGreaterThan(0.9);
  expect(predicted.peakBytes / peak, `${predicted.peakBytes} of ${peak}`).toBeLessThan(1.1);
});
