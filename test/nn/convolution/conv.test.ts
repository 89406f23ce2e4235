import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Conv2d, DepthwiseConv, PatchConv } from "../../../src/nn/convolution/conv.js";
import { zero } from "../../../src/nn/init.js";
import type { Module } from "../../../src/nn/module.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { relativeDifference } from "../../numbers.js";

const channelsLast = (x: Tensor): Tensor => x.permute([0, 2, 3, 1]);
const image = (): Tensor => new Rng(1, "x", 0, [0, 1]).normal([6, 8, 12]); // [2 6 8 12]

/** The same weights in both, moved off their first values. */
function alike(a: Module, b: Module): void {
  a.initialize(new Rng(0, "init"));
  noGrad(() => {
    for (const [name, value] of b.state()) value.copy_(a.state().get(name) as Tensor);
  });
}

/** By PyTorch: torch.nn.functional.conv2d of arange(32)/10 as [1 2 4 4] with arange(18)/10 as [2 1 3 3], bias (1, -1), stride 2, padding 1, groups 2. */
test("options and published shapes: a convolution in groups with stride, padding and bias", () => {
  using conv = new Conv2d(2, 2, 3, { stride: 2, padding: 1, groups: 2 });
  expect(conv.weight.shape).toEqual([2, 1, 3, 3]);
  conv.weight.setBytes(Float32Array.from({ length: 18 }, (_, i) => i / 10));
  conv.bias?.setBytes(Float32Array.of(1, -1));
  noGrad(() =>
    scope(() => {
      const x = new Rng(0, "x").uniform([2, 4, 4]).zero_(); // [1 2 4 4]
      x.setBytes(Float32Array.from({ length: 32 }, (_, i) => i / 10));
      const found = conv.call(x);
      expect(found.shape).toEqual([1, 2, 2, 2]);
      expect(found.toNumbers().map((value) => Number(value.toFixed(4)))).toEqual([
        1.73, 2.54, 3.79, 5.38, 10.23, 16.62, 19.34, 30.2,
      ]);
    }),
  );
});

test("depthwise, channels last: the same as a convolution in as many groups as channels", () => {
  using conv = new Conv2d(6, 6, 7, { padding: 3, groups: 6 });
  using depthwise = new DepthwiseConv(6, 7);
  alike(conv, depthwise);
  noGrad(() =>
    scope(() => {
      const found = depthwise.call(channelsLast(image())); // [2 8 12 6]
      expect(relativeDifference(found, channelsLast(conv.call(image())))).toBeLessThan(1e-6);
    }),
  );
});

test("a window that is its stride, channels last: the same as a convolution with that stride", () => {
  for (const side of [1, 2, 4]) {
    using conv = new Conv2d(6, 5, side, { stride: side });
    using patches = new PatchConv(6, 5, side);
    alike(conv, patches);
    noGrad(() =>
      scope(() => {
        const found = patches.call(channelsLast(image()));
        expect(relativeDifference(found, channelsLast(conv.call(image())))).toBeLessThan(1e-6);
      }),
    );
  }
});

test("PyTorch's first values: uniform ± 1 / √in for weight and bias; others can be given", () => {
  using conv = new Conv2d(64, 32, 3);
  using other = new Conv2d(4, 4, 1, { bias: false, weightInit: zero });
  conv.initialize(new Rng(0, "init"));
  other.initialize(new Rng(0, "init"));
  const bound = 1 / Math.sqrt(64 * 9);
  for (const values of [conv.weight.toNumbers(), conv.bias?.toNumbers() ?? []]) {
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.85 * bound);
  }
  expect(new Set(other.weight.toNumbers())).toEqual(new Set([0]));
  expect([...other.state().keys()]).toEqual(["weight"]);
});

test("other channels, and channels that do not fall into groups, are refused", () => {
  using conv = new Conv2d(4, 4, 3);
  using depthwise = new DepthwiseConv(4, 3);
  scope(() => {
    expect(() => conv.call(image())).toThrow("convolution expects [B 4 H W], got [2 6 8 12].");
    expect(() => depthwise.call(image())).toThrow("depthwise convolution expects [B H W 4], got [2 6 8 12].");
  });
  expect(() => new Conv2d(4, 6, 3, { groups: 4 })).toThrow(
    "a convolution from 4 to 6 channels does not fall into 4 groups.",
  );
});
