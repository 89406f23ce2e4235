import { expect, test } from "vitest";
import { attentionOf } from "../../src/model/attention.js";

// Two heads over the class token and the visible patches 0 and 2 of three.
const mask = Uint8Array.of(0, 1, 0);
const weights = Float32Array.of(
  ...[0.2, 0.4, 0.4, 0.1, 0.3, 0.6, 0.5, 0.25, 0.25],
  ...[0.2, 0.4, 0.4, 0.2, 0.6, 0.2, 0.5, 0.1, 0.4],
);

test("one head, the mean of all, scaled to its largest", () => {
  const one = attentionOf(weights, mask, { cell: 0, head: 0, heads: 2 });
  expect(Array.from(one ?? [])).toEqual([expect.closeTo(0.5, 6), 0, 1]);
  const all = attentionOf(weights, mask, { cell: 0, head: undefined, heads: 2 });
  expect(Array.from(all ?? [])).toEqual([1, 0, expect.closeTo(0.8 / 0.9, 6)]);
  const last = attentionOf(weights, mask, { cell: 2, head: 1, heads: 2 });
  expect(Array.from(last ?? [])).toEqual([0.25, 0, 1]);
});

test("a hidden patch has none", () => {
  expect(attentionOf(weights, mask, { cell: 1, head: 0, heads: 2 })).toBeUndefined();
});
