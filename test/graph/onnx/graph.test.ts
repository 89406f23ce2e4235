import { expect, test } from "vitest";
import { constantOf, fixed, free } from "../../../src/graph/dimension.js";
import { Graph, type GraphValue } from "../../../src/graph/onnx/graph.js";

const sizes = new Map([
  ["batch", { input: "x", axis: 0 }],
  ["kept", { input: "ids", axis: 1 }],
]);
const x: GraphValue = { name: "x", type: "float32", shape: [free("batch"), fixed(4)] };
const weight: GraphValue = { name: "w", type: "float32", shape: [fixed(3), fixed(4)], weight: "w" };

test("nodes are named by place and operation; the same node is made once", () => {
  const graph = new Graph("fp32", sizes);
  graph.at("blocks.0.mlp");
  const [a, b] = [graph.make("Relu", [x], x), graph.make("Relu", [x], x)];
  const c = graph.make("Relu", [a], x);
  expect([a.name, b.name, c.name]).toEqual(["blocks.0.mlp/Relu:0", "blocks.0.mlp/Relu:0", "blocks.0.mlp/Relu_1:0"]);
  expect(graph.producer(c)?.inputs).toEqual([a.name]);
  graph.make("Identity", [c], x);
  expect(graph.rename("y").name).toBe("y");
  expect(graph.nodes.at(-1)?.outputs).toEqual(["y"]);
});

test("whole numbers are constants, or read off the inputs when the file is run", () => {
  const graph = new Graph("fp32", sizes);
  expect(graph.integers([2, fixed(3)]).name).toBe("constant/int64/[2,3]");
  const hidden = new Map([
    ["", 16],
    ["kept", -1],
  ]);
  graph.integers([free("batch"), hidden]);
  expect(graph.nodes.map(({ type, inputs }) => `${type} ${inputs.join(" ")}`)).toEqual([
    "Shape x",
    "Shape ids",
    "Mul sizes/Shape_1:0 constant/int64/[-1]",
    "Add constant/int64/[16] sizes/Mul:0",
    "Concat sizes/Shape:0 sizes/Add:0",
  ]);
});

test("a matrix is stored turned over, in int8 as bytes and scales", () => {
  const graph = new Graph("fp32", sizes);
  expect(graph.matrix(weight).shape.map(constantOf)).toEqual([4, 3]);
  expect([...graph.constants.keys()]).toEqual(["w.T"]);
  const small = new Graph("int8", sizes);
  small.matrix(weight);
  expect([...small.constants.values()].map(({ name, type }) => [name, type])).toEqual([
    ["w.T.int8", "int8"],
    ["w.T.scale", "float32"],
  ]);
  expect(small.nodes[0]).toMatchObject({ type: "DequantizeLinear", inputs: ["w.T.int8", "w.T.scale"] });
});

test("float16 keeps an epsilon that would vanish", () => {
  expect(new Graph("fp16", sizes).scalar(1e-12, "float16").name).toBe("constant/float16/1e-7");
});
