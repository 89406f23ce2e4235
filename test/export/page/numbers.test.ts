import { expect, test } from "vitest";
import { readExamples } from "../../../src/export/page/examples.js";
import { checkNumbers, featuresOf } from "../../../src/export/page/numbers.js";
import { loadModel, noGrad, scope, tensor } from "../../../src/index.js";
import type { Mae } from "../../../src/methods/masked/mae.js";
import { maskOf } from "../../../src/methods/parts/masks.js";
import { withMethod } from "../../../src/public/models.js";
import { toImages } from "../../../src/public/train.js";
import { temporaryFolder, tinyRun } from "../../cli/terminal.js";

test("features and checked numbers are the model's own, however many pictures there are at a time", async () => {
  const { run } = await tinyRun(temporaryFolder());
  using model = withMethod(loadModel(run, { device: "cpu" }));
  const examples = await readExamples(model, undefined, 11);
  const { mean, std } = model.config.data;
  const features = featuresOf(model, examples);
  const check = checkNumbers(model, examples);
  const { all, prediction } = noGrad(() =>
    scope(() => {
      const images = toImages(examples, mean, std); // [11 C H W]
      const hidden = Array.from({ length: 16 }, (_, i) => i).filter((i) => !check.keep.includes(i));
      const mask = maskOf(tensor(BigInt64Array.from([...check.keep, ...hidden], BigInt), [1, 16]), check.keep.length);
      const method = model.method as Mae;
      const first = images.slice(0, 0, 1);
      return {
        all: model.encoder.features(images).toArray() as Float32Array,
        prediction: method.predict(first, mask).toArray() as Float32Array,
      };
    }),
  );
  for (const [i, value] of features.entries()) expect(value).toBeCloseTo(all[i] as number, 5);
  expect(check.values).toHaveLength(256);
  for (const [i, at] of check.positions.entries()) expect(check.values[i]).toBeCloseTo(prediction[at] as number, 5);
});
