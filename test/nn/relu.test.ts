import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { Relu } from "../../src/nn/relu.js";
import { tensor } from "../../src/tensor/tensor.js";

test("nothing below zero passes, and it has no state", () => {
  const relu = new Relu();
  scope(() => expect(relu.call(tensor(Float32Array.of(-1, 0, 2.5))).toNumbers()).toEqual([0, 0, 2.5]));
  expect(relu.state().size).toBe(0);
});
