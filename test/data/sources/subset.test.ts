import { expect, test } from "vitest";
import type { Source } from "../../../src/data/source.js";
import { drawn, subsetOf, withLabels } from "../../../src/data/sources/subset.js";

test("different numbers, spread over all, always the same, the first ones of a longer draw", () => {
  const lot = drawn(1000, 200);
  expect(new Set(lot).size).toBe(200);
  expect(lot.every((index) => Number.isInteger(index) && index >= 0 && index < 1000)).toBe(true);
  expect(drawn(1000, 50)).toEqual(lot.slice(0, 50));
  for (const part of [0, 1, 2, 3]) {
    const within = lot.filter((index) => Math.floor(index / 250) === part).length;
    expect(within).toBeGreaterThan(30);
    expect(within).toBeLessThan(70);
  }
  expect(drawn(7, 20).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(drawn(2 ** 31, 3)).toHaveLength(3); // time and memory go with the count
});

const labels = Int32Array.from([0, 1, 2, 3]);
const common = { size: 4, fingerprint: "f", classes: ["a", "b", "c", "d"], labels, name: (i: number) => `p${i}` };

test("files and pixels with their labels and names, in the order asked for", () => {
  const files = {
    ...common,
    spec: { kind: "folder", path: "x", part: "all", holdOut: 0, seed: 0 },
    content: { kind: "files", root: "/x", paths: ["p0", "p1", "p2", "p3"] },
  } as Source;
  const some = subsetOf(files, [3, 1]);
  expect([some.size, [...(some.labels as Int32Array)], some.name(0), some.content]).toEqual([
    2,
    [3, 1],
    "p3",
    { kind: "files", root: "/x", paths: ["p3", "p1"] },
  ]);
  const data = Uint8Array.from({ length: 4 * 2 * 2 }, (_, i) => i);
  const pixels = {
    ...common,
    spec: { kind: "cifar10", split: "train" },
    content: { kind: "pixels", data, height: 2, width: 2, channels: 1 },
  } as Source;
  const few = subsetOf(pixels, [2]);
  expect(few.content).toMatchObject({ data: Uint8Array.from([8, 9, 10, 11]), height: 2 });
  expect(subsetOf({ ...files, labels: undefined }, [0]).labels).toBeUndefined();
});

test("those with a label; a source where all have one, or none can, stays itself", () => {
  const source = (given: Int32Array | undefined): Source =>
    ({
      ...common,
      labels: given,
      content: { kind: "files", root: "/x", paths: ["p0", "p1", "p2", "p3"] },
    }) as unknown as Source;
  const some = withLabels(source(Int32Array.of(-1, 2, -1, 0)));
  expect([some.size, Array.from(some.labels ?? []), some.name(0)]).toEqual([2, [2, 0], "p1"]);
  for (const whole of [source(labels), source(undefined)]) expect(withLabels(whole)).toBe(whole);
});
