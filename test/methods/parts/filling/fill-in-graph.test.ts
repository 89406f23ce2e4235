import { expect, test } from "vitest";
import { fillInGraph } from "../../../../src/methods/parts/filling/fill-in-graph.js";
import { Linear } from "../../../../src/nn/linear.js";

test("a picture and a mask of any size go in, and each input and output is described", () => {
  using module = new Linear(2, 2);
  const graph = fillInGraph({
    ...{ module, channels: 3, imageSize: [16, 8], patches: 8 },
    run: (image, visible, restore) => ({ prediction: image, rebuilt: visible, features: restore }),
  });
  expect(graph.inputs.map(({ name, shape }) => [name, shape])).toEqual([
    ["image", ["batch", 3, 16, 8]],
    ["ids_keep", ["batch", "kept"]],
    ["ids_restore", ["batch", 8]],
  ]);
  expect(graph.probes["kept"]).toEqual([1, 7, 4]);
  const outputs = ["prediction", "rebuilt", "features"];
  expect(Object.keys(graph.descriptions)).toEqual([...graph.inputs.map(({ name }) => name), ...outputs]);
});
