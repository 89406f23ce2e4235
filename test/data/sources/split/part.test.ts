import { describe, expect, it } from "vitest";
import { inPart, type PartOptions } from "../../../../src/data/sources/split/part.js";

const folders = (path: string): string => path.split("/")[0] as string;
const choose = (paths: readonly string[], options: PartOptions): string[] => {
  const isChosen = inPart(paths, options, (index) => folders(paths[index] as string));
  return paths.filter((_, index) => isChosen[index]);
};

describe("one share of the whole set", () => {
  const paths = Array.from({ length: 5000 }, (_, i) => `class/${i}.jpg`);
  const chosen = (part: "all" | "train" | "heldOut", holdOut: number, seed = 0) =>
    choose(paths, { part, holdOut, seed });

  it("puts each picture on one side, in about the share that is asked for", () => {
    const held = new Set(chosen("heldOut", 0.1));
    expect(chosen("train", 0.1)).toEqual(paths.filter((path) => !held.has(path)));
    expect(chosen("all", 0.1)).toEqual(paths);
    // 500 expected, deviation 21.
    expect(Math.abs(held.size - 500)).toBeLessThan(85);
    expect(chosen("heldOut", 0)).toEqual([]);
  });

  it("moves no picture when the share grows, and others with another seed", () => {
    const more = new Set(chosen("heldOut", 0.2));
    expect(chosen("heldOut", 0.1).every((path) => more.has(path))).toBe(true);
    expect(chosen("heldOut", 0.1, 1)).not.toEqual(chosen("heldOut", 0.1));
  });
});

describe("the same share of each class", () => {
  const sizes = { one: 1, two: 2, seven: 7, hundred: 100 };
  const paths = Object.entries(sizes).flatMap(([name, count]) =>
    Array.from({ length: count }, (_, i) => `${name}/${i}.jpg`),
  );
  const split = { holdOut: 0.2, seed: 0, stratified: true };
  const counts = (chosen: readonly string[]) =>
    Object.keys(sizes).map((name) => chosen.filter((path) => folders(path) === name).length);

  it("is exact, one at least of two, and leaves every class something to learn from", () => {
    expect(counts(choose(paths, { ...split, part: "heldOut" }))).toEqual([0, 1, 1, 20]);
    expect(counts(choose(paths, { ...split, part: "train" }))).toEqual([1, 1, 6, 80]);
    expect(counts(choose(paths, { ...split, part: "heldOut", holdOut: 0 }))).toEqual([0, 0, 0, 0]);
  });

  it("holds out those that the smaller share holds out as well, in any order of the paths", () => {
    const held = choose(paths, { ...split, part: "heldOut" });
    const fewer = choose(paths, { ...split, part: "heldOut", holdOut: 0.1 });
    expect(fewer.every((path) => held.includes(path))).toBe(true);
    expect(choose([...paths].reverse(), { ...split, part: "heldOut" }).reverse()).toEqual(held);
    expect(choose(paths, { ...split, part: "heldOut", seed: 1 })).not.toEqual(held);
  });
});
