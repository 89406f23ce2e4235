import { expect, test } from "vitest";
import { meterMemory, timeOperations } from "../../src/engine/meter.js";
import { withinModule } from "../../src/engine/record.js";
import { scope } from "../../src/engine/scope.js";
import { ones, zeros } from "../../src/tensor/creation.js";
import { backward } from "../../src/tensor/grad.js";

test("the peak is what was there at once, views count nothing, and what stays is told", () =>
  scope(() => {
    const before = zeros([1000]);
    const { result, peakBytes, keptBytes } = meterMemory(() => {
      scope(() => void zeros([3000]).neg()); // 12,000 + 12,000 bytes, gone afterwards
      return zeros([2000]).reshape([2, 1000]);
    });
    expect(result.shape).toEqual([2, 1000]);
    expect([peakBytes, keptBytes]).toEqual([24_000, 8000]);
    expect(meterMemory(() => before.reshape([10, 100])).peakBytes).toBe(0);
  }));

test("what throws ends the count too", () => {
  expect(() =>
    meterMemory(() => {
      throw new RangeError("x");
    }),
  ).toThrow("x");
  expect(meterMemory(() => 1).peakBytes).toBe(0);
});

test("every operation is timed, those inside others and of backward too, within the modules that called them", () =>
  scope(() => {
    const weight = ones([3, 2]).setRequiresGrad(true);
    const { result, spans } = timeOperations(() => {
      const loss = withinModule("layer", () => ones([3, 4]).transpose(0, 1).matmul(weight).sum());
      backward(loss);
      return loss.item();
    });
    weight.grad = undefined;
    expect(result).toBe(24);
    const names = spans.map(({ name }) => name);
    const product = spans[names.indexOf("aten::mm")];
    expect(product).toMatchObject({ kind: "operation", bytes: 4 * (12 + 6 + 8) });
    expect(product?.shapes).toEqual([
      [4, 3],
      [3, 2],
    ]);
    expect(spans[product?.parent ?? -1]?.name).toBe("aten::matmul");
    expect(spans[names.indexOf("aten::transpose")]?.bytes).toBe(0); // a view
    expect(spans[0]).toMatchObject({ kind: "module", name: "layer", parent: -1 });
    const node = spans.find(({ kind, name }) => kind === "backward" && name.includes("MmBackward"));
    const made = spans.filter(({ kind, sequence }) => kind === "operation" && sequence === node?.sequence).at(-1);
    expect(made?.name).toBe("aten::mm");
    for (const { beginSeconds, endSeconds, parent } of spans) {
      expect(endSeconds).toBeGreaterThanOrEqual(beginSeconds);
      expect(beginSeconds).toBeGreaterThanOrEqual(spans[parent]?.beginSeconds ?? 0);
    }
  }));

test("timing ends with what throws, and does not nest", () => {
  expect(() =>
    timeOperations(() => {
      throw new RangeError("x");
    }),
  ).toThrow("x");
  expect(() => timeOperations(() => timeOperations(() => 1))).toThrow("already running");
  expect(timeOperations(() => 1).spans).toEqual([]);
});
