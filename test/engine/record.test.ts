import { describe, expect, test } from "vitest";
import { StateError } from "../../src/engine/errors.js";
import {
  isRecording,
  type RecordedStep,
  record,
  recordStep,
  refuseWhileRecording,
  withinModule,
} from "../../src/engine/record.js";
import { scope } from "../../src/engine/scope.js";
import { cat, ones, zeros } from "../../src/tensor/creation.js";
import { attention, linear } from "../../src/tensor/functional.js";
import { aten } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "./leaks.js";

describe("record", () => {
  leavesNoTensors();

  test("steps with shapes, attributes and the flow from one to the next", () =>
    scope(() => {
      const [x, w] = [zeros([4, 3]), zeros([2, 3])];
      const { result, recording } = record(() => linear(x, w, null).softmax(-1));
      const [first, second] = recording.steps as [RecordedStep, RecordedStep];
      expect(recording.steps.length).toBe(2);
      expect(first).toMatchObject({
        op: "linear",
        inputs: [
          { id: x.id, shape: [4, 3], dtype: "float32" },
          { id: w.id, shape: [2, 3], dtype: "float32" },
        ],
        attributes: [{ tensor: 0 }, { tensor: 1 }, null],
        outputs: [{ shape: [4, 2], dtype: "float32" }],
        module: [],
      });
      expect(second).toMatchObject({ op: "softmax.int", attributes: [{ tensor: 0 }, -1] });
      expect(second.inputs[0]?.id).toBe(first.outputs[0]?.id);
      expect(second.outputs[0]?.id).toBe(result.id);
    }));

  test("lists of tensors, several results, and options in the operator's order", () =>
    scope(() => {
      const x = zeros([2, 3]);
      const { recording } = record(() => {
        cat([x, x.to("float64")], 1);
        x.topk(2);
        aten("gelu", x, { approximate: "tanh" });
        x.var([1], 0);
      });
      const [, joined, top, gelu, spread] = recording.steps as RecordedStep[];
      expect(joined?.attributes).toEqual([[{ tensor: 0 }, { tensor: 1 }], 1]);
      expect(joined?.inputs.map(({ dtype }) => dtype)).toEqual(["float32", "float64"]);
      expect(top?.outputs.map(({ dtype, shape }) => [dtype, shape])).toEqual([
        ["float32", [2, 2]],
        ["int64", [2, 2]],
      ]);
      expect(gelu?.attributes).toEqual([{ tensor: 0 }, "tanh"]);
      expect(spread?.attributes).toEqual([{ tensor: 0 }, [1], 0, false]);
    }));

  test("module paths, left behind by exceptions too", () =>
    scope(() => {
      const x = zeros([2]);
      const { recording } = record(() => {
        x.neg();
        withinModule("encoder", () => {
          withinModule("blocks.0", () => x.exp());
          x.abs();
          expect(() =>
            withinModule("blocks.1", () => {
              throw new Error("on purpose");
            }),
          ).toThrow();
          x.sin();
        });
        x.cos();
      });
      expect(recording.steps.map(({ op, module }) => [op, module.join("/")])).toEqual([
        ["neg", ""],
        ["exp", "encoder/blocks.0"],
        ["abs", "encoder"],
        ["sin", "encoder"],
        ["cos", ""],
      ]);
      expect(withinModule("outside", () => 5)).toBe(5);
    }));

  test.each<[string, () => unknown, string]>([
    [
      "an in-place operation",
      () => zeros([1]).add_(1),
      "add_.Scalar changes a tensor in place while recording. Use the form without the underscore.",
    ],
    [
      "a value",
      () => zeros([1]).item(),
      "a value was read while recording. Keep the model free of branches on data, or read after the recording.",
    ],
    ["values", () => zeros([1]).toArray(), "values were read while recording."],
    ["another recording", () => record(() => 1), "a recording is already running. Recordings do not nest."],
  ])("refuses %s", (_, body, message) =>
    scope(() => {
      const attempt = (): unknown => record(body);
      expect(attempt).toThrow(StateError);
      expect(attempt).toThrow(message);
      expect(isRecording()).toBe(false);
      expect(ones([1]).add_(1).item()).toBe(2);
    }),
  );

  test("a refusal names the module", () => {
    const attempt = (): unknown =>
      record(() =>
        withinModule("encoder", () => withinModule("norm", () => refuseWhileRecording("x was read", "Do not."))),
      );
    expect(attempt).toThrow("in encoder.norm: x was read while recording. Do not.");
    expect(refuseWhileRecording("x was read", "Do not.")).toBeUndefined();
  });

  test("a failed operation is no step, and an exception ends the recording", () =>
    scope(() => {
      const { recording } = record(() => expect(() => zeros([2]).matmul(zeros([3]))).toThrow());
      expect(recording.steps.map(({ op }) => op)).toEqual(["zeros", "zeros"]);
      expect(() => record(() => cat([]))).toThrow();
      expect(isRecording()).toBe(false);
    }));

  test("without a recording nothing is kept", () => {
    recordStep(
      "neg",
      [],
      [],
      () => expect.fail("described"),
      (value): value is never => value === undefined,
    );
    expect(record(() => 1).recording.steps).toEqual([]);
  });

  test("a model on meta is recorded with the shapes of a real one", () =>
    scope(() => {
      const model = (device: string): readonly RecordedStep[] =>
        record(() => {
          const image = zeros([2, 3, 8, 8], { device });
          const patches = aten("conv2d", image, zeros([4, 3, 4, 4], { device }), zeros([4], { device }), [4, 4]);
          const tokens = patches.flatten(2).transpose(1, 2);
          const heads = aten("layer_norm", tokens, [4]).reshape([2, 4, 2, 2]).transpose(1, 2);
          attention(heads, heads, heads).mean([1]).var([1]);
        }).recording.steps;
      const shapes = (steps: readonly RecordedStep[]): unknown => steps.at(-1)?.outputs.map(({ shape }) => shape);
      expect(shapes(model("meta"))).toEqual(shapes(model("cpu")));
      const plain = (steps: readonly RecordedStep[]): unknown[] =>
        steps
          .filter(({ op }) => ["conv2d", "layer_norm", "reshape"].includes(op))
          .map(({ op, outputs }) => [op, outputs[0]?.shape]);
      expect(plain(model("meta"))).toEqual(plain(model("cpu")));
    }));
});
