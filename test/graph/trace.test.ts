import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { dimensionText } from "../../src/graph/dimension.js";
import { type FreeInput, type Probes, placeOf, type TracedStep, trace } from "../../src/graph/trace.js";
import { Linear } from "../../src/nn/linear.js";
import { Buffer, Module } from "../../src/nn/module.js";
import { ones } from "../../src/tensor/creation.js";
import type { Tensor } from "../../src/tensor/tensor.js";

const inputs: FreeInput[] = [{ name: "x", shape: ["batch", 4], dtype: "float32" }];
const probes: Probes = { batch: [2, 3, 5] };

/** A module around any function of its input, with a layer and a buffer to use. */
class Around extends Module {
  readonly layer = new Linear(4, 4);
  readonly count = new Buffer([], () => ones([]));
  constructor(private readonly body: (x: Tensor, module: Around) => Tensor) {
    super();
  }

  /** x [B 4] -> whatever the body makes of it */
  protected forward(x: Tensor): Tensor {
    return this.body(x, this);
  }
}

function traced(body: (x: Tensor, module: Around) => Tensor) {
  const module = new Around(body);
  try {
    return trace(module, inputs, (x) => ({ y: module.call(x as Tensor) }), probes);
  } finally {
    module.close();
  }
}

test("numbers that follow from the batch are told from those that do not; steps know their module", () => {
  const { steps, outputs } = traced((x, { layer }) => layer.call(x).reshape([x.side(0) * 2, 2]));
  expect(steps.map((step) => [step.op, placeOf(step)])).toEqual([
    ["linear", "layer"],
    ["reshape", ""],
  ]);
  expect(((steps[1] as TracedStep).attributes[1] as ReadonlyMap<string, number>[]).map(dimensionText)).toEqual([
    "2*batch",
    "2",
  ]);
  expect([...outputs.keys()]).toEqual(["y"]);
});

test("the module's values are as they were, and nothing is computed", () => {
  const module = new Around((x, { layer }) => layer.call(x));
  scope(() => module.layer.weight.setBytes(new Float32Array(16).fill(3)));
  trace(module, inputs, (x) => ({ y: module.call(x as Tensor) }), probes);
  expect([module.layer.weight.device, module.layer.weight.toNumbers()[5]]).toEqual(["cpu", 3]);
  module.close();
});

// What a recording cannot hold, each with its error (the architecture's table of guards).
test.each([
  [
    "a value is read",
    (x: Tensor) => x.mul(x.sum().item()),
    /a value was read while recording\. Keep the model free of branches on data/,
  ],
  [
    "a tensor changes in place",
    (x: Tensor) => x.add_(1),
    /add_\.Scalar changes a tensor in place while recording\. Use the form without the underscore\./,
  ],
  [
    "a buffer changes in place",
    (x: Tensor, { count }: Around) => x.add(count.add_(1)),
    /changes a tensor in place while recording/,
  ],
] as [string, (x: Tensor, module: Around) => Tensor, RegExp][])("%s", (_, body, message) => {
  expect(() => traced(body)).toThrow(message);
});

test("a tensor made outside the module is named by the step that takes it", () => {
  const outside = ones([4], { device: "meta" });
  expect(() => traced((x, { layer }) => layer.call(x).add(outside))).toThrow(
    "add.Tensor of [2 4], [4] takes a tensor [4] that was made outside the recording. " +
      "Make it a Buffer of the module, or hand it in as an input.",
  );
  outside.dispose();
});

test("a branch on the size: other operations, or a number that does not follow from it", () => {
  const branch = /relu of \[2 4\] changes with the size of the input .*Keep branches on shapes out of forward/;
  expect(() => traced((x) => (x.side(0) > 2 ? x.tanh() : x.relu()))).toThrow(branch);
  expect(() => traced((x) => x.mul(1 / x.side(0)))).toThrow(/mul\.Scalar of \[2 4\] changes with the size/);
  expect(() => traced((x) => x.slice(0, 0, Math.min(4, x.side(0))))).toThrow(
    /slice\.Tensor of .* changes with the size/,
  );
});

test("training mode is refused", () => {
  const module = new Around((x) => x);
  module.setTraining(true);
  expect(() => trace(module, inputs, (x) => ({ y: module.call(x as Tensor) }), probes)).toThrow(
    "a graph is recorded in evaluation mode. Call setTraining(false) first",
  );
  module.close();
});
