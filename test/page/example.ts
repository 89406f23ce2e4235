import type { PageDescription } from "../../src/page/description.js";

/** A page.json as an export writes it, of a model that is not there. */
export const exampleDescription: PageDescription = {
  formatVersion: 1,
  title: "Flowers",
  license: "CC BY 4.0",
  run: { id: "flowers-1", step: 10, model: "ViT tiny", lacuna: "0.1.0" },
  model: { file: "model.onnx", bytes: 3, outputs: ["prediction"], heads: 3 },
  image: { height: 8, width: 8, channels: 3 },
  patch: [4, 4],
  mean: [0.5, 0.5, 0.5],
  std: [0.2, 0.2, 0.2],
  target: "normalizedPixels",
  mask: { ratio: 0.75, kind: "random" },
  examples: [{ file: "examples/0.png", name: "rose" }],
  features: null,
  check: { example: 0, keep: [0], positions: [5], values: [0.25], tolerance: 1e-3 },
};
