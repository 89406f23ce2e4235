import { expect, test } from "vitest";
import { decodeModel, encodeModel, type ModelProto } from "../../../src/graph/onnx/schema.js";

const model: ModelProto = {
  irVersion: 8,
  opsetImport: [{ domain: "", version: 18 }],
  producerName: "lacuna",
  producerVersion: "1",
  docString: "",
  metadataProps: [{ key: "license", value: "CC0" }],
  graph: {
    name: "g",
    node: [
      {
        name: "n",
        opType: "Softmax",
        input: ["x"],
        output: ["y"],
        attribute: [{ name: "axis", type: 2, i: -1 }],
      },
    ],
    initializer: [{ name: "w", dims: [2, 3], dataType: 1, rawData: new Uint8Array(24).fill(7) }],
    input: [
      { name: "x", type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "batch" }, { dimValue: 3 }] } } } },
    ],
    output: [],
    valueInfo: [],
  },
};

test("what is written is read again", () => {
  const read = decodeModel(encodeModel(model));
  expect(read).toMatchObject({ irVersion: 8, producerName: "lacuna", opsetImport: [{ version: 18 }] });
  expect(read.graph.node[0]).toMatchObject({ opType: "Softmax", attribute: [{ name: "axis", i: -1 }] });
  expect(read.graph.initializer[0]).toMatchObject({ name: "w", dims: [2, 3], dataType: 1 });
  expect(read.graph.input[0]?.type.tensorType.shape.dim.map(({ dimParam, dimValue }) => dimParam || dimValue)).toEqual([
    "batch",
    3,
  ]);
});

test("fields have onnx.proto's numbers: tags by hand", () => {
  const bytes = encodeModel({
    ...model,
    metadataProps: [],
    graph: { ...model.graph, node: [], initializer: [], input: [] },
  });
  // 1: IR version 8 · 2: "lacuna" · 3: "1" · 7: graph { 2: "g" } · 8: { 2: 18 }; what is empty is left out
  const wanted = [0x08, 8, 0x12, 6, ...Buffer.from("lacuna"), 0x1a, 1, 0x31, 0x3a, 3, 0x12, 1, 0x67];
  expect([...bytes]).toEqual([...wanted, 0x42, 2, 0x10, 18]);
});
