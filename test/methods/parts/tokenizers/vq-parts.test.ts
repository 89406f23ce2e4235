import { expect, test } from "vitest";
import { noGrad } from "../../../../src/engine/modes.js";
import { scope } from "../../../../src/engine/scope.js";
import {
  picturesOf,
  taskLayer,
  vectorsOf,
  vqNote,
  vqParts,
} from "../../../../src/methods/parts/tokenizers/vq-parts.js";
import { Vit, vitConfig } from "../../../../src/models/vit.js";
import { Rng } from "../../../../src/tensor/random.js";
import { leavesNoTensors } from "../../../engine/leaks.js";

leavesNoTensors();

test("a task layer has the names of PyTorch's Sequential", () => {
  using layer = taskLayer(4, 3);
  expect([...layer.state()].map(([name, { shape }]) => [name, ...shape])).toEqual([
    ["0.weight", 4, 4],
    ["0.bias", 4],
    ["2.weight", 3, 4],
    ["2.bias", 3],
  ]);
});

test("a picture has a vector for each patch, and tokens a picture: grey before any patch was seen", () => {
  using encoder = new Vit(vitConfig.parse({ width: 32, depth: 1, heads: 2, patchSize: 4 }), {
    imageSize: [8, 12],
    channels: 3,
  });
  const { encodeTaskLayer, quantize } = vqParts({ vocabulary: 5, codeWidth: 6, momentum: 0.9 }, encoder);
  using first = encodeTaskLayer;
  using second = quantize;
  for (const [i, part] of [encoder, first, second].entries()) part.initialize(new Rng(i, "init"));
  noGrad(() =>
    scope(() => {
      const parts = { encoder, encodeTaskLayer, quantize };
      const vectors = vectorsOf(parts, new Rng(3, "x", 0, [0, 1]).normal([3, 8, 12]));
      expect(vectors.shape).toEqual([2, 6, 6]);
      const drawn = picturesOf(parts, quantize.tokens(vectors));
      expect([drawn.shape, drawn.abs().amax([]).item()]).toEqual([[2, 3, 8, 12], 0]);
    }),
  );
  expect(vqNote(5)).toContain("5 tokens");
});
