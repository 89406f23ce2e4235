import { expect, test } from "vitest";
import { liveTensors, scope } from "../../src/engine/scope.js";
import { one, zero } from "../../src/nn/init.js";
import { Buffer, onDevice, Parameter } from "../../src/nn/parameter.js";

test("outlives the scope it is made in and is freed by dispose", () => {
  const before = liveTensors();
  let parameter: Parameter | undefined;
  scope(() => {
    parameter = new Parameter([2, 3], zero);
  });
  expect(liveTensors()).toBe(before + 1);
  expect(parameter?.requiresGrad).toBe(true);
  parameter?.dispose();
  expect(liveTensors()).toBe(before);
});

test("frozen ones and buffers take no gradient", () => {
  using frozen = new Parameter([1], one, false);
  using buffer = new Buffer([1], one);
  expect([frozen.requiresGrad, buffer.requiresGrad]).toEqual([false, false]);
});

test("the device of a region, put back when it ends, also by an error", () => {
  expect(() =>
    onDevice("meta", () => {
      using parameter = new Parameter([1_000_000, 1_000_000], zero);
      expect(parameter.device).toBe("meta");
      throw new Error("stop");
    }),
  ).toThrow("stop");
  using parameter = new Parameter([1], zero);
  expect(parameter.device).toBe("cpu");
});
