import { describe, expect, it } from "vitest";
import { Collection, ODDITIES } from "../../../src/data/doctor/collection.js";
import type { GoodFile } from "../../../src/data/doctor/inspect.js";

type Changes = Partial<Omit<GoodFile, "facts">> & { readonly facts?: Partial<GoodFile["facts"]> };
let number = 0;

function good(changes: Changes = {}): GoodFile {
  const facts = {
    format: "jpeg",
    colour: "rgb",
    bits: 8,
    alpha: false,
    frames: 1,
    orientation: 1,
    damaged: false,
  } as const;
  return {
    ...{ bytes: 1000, sha256: String(number++), width: 400, height: 300, hash: [number, 0], contrast: 40 },
    thumbnail: Buffer.alloc(9 * 8 * 3).toString("base64"),
    channels: { mean: [0.5, 0.4, 0.3], square: [0.3, 0.2, 0.1], grey: false },
    wrapped: false,
    white: 0,
    ...changes,
    facts: { ...facts, ...changes.facts },
  };
}

const odditiesOf = (path: string, changes: Changes) => {
  const collection = new Collection();
  collection.add(0, path, good(changes));
  return ODDITIES.filter((oddity) => collection.odd.get(oddity)?.length === 1);
};

describe("Collection", () => {
  it("keeps bad files by code", () => {
    const collection = new Collection();
    collection.add(3, "a.jpg", { code: "truncated", reason: "ends" });
    collection.add(5, "b.jpg", good());
    expect(collection.bad.get("truncated")).toEqual([{ index: 3, detail: "ends" }]);
    expect(collection.usable).toEqual([5]);
  });

  it.each([
    ["a.jpg", {}, []],
    ["a.JPEG", { facts: { damaged: true } }, ["damaged"]],
    ["a.jpg", { width: 31, height: 40 }, ["tiny"]],
    ["a.jpg", { width: 4001, height: 4000 }, ["large"]],
    ["a.jpg", { width: 1201, height: 300 }, ["long"]],
    ["a.jpg", { channels: { mean: [0.5, 0.1, 1], square: [0.25, 0.01, 1], grey: false } }, ["blank"]],
    ["a.jpg", { contrast: 0 }, []],
    ["a.png", {}, ["misnamed"]],
    ["a.jpg", { wrapped: true }, ["wrapped"]],
    ["a.jpg", { white: 0.5 }, ["white"]],
    ["a.jpg", { white: 0.49 }, []],
    ["a.tif", { facts: { format: "tiff", bits: 16, colour: "grey" } }, ["grey", "deep"]],
    ["a.jpg", { channels: { mean: [0.5, 0.5, 0.5], square: [0.3, 0.3, 0.3], grey: true } }, ["grey"]],
    ["a.jpg", { facts: { colour: "cmyk" } }, ["cmyk"]],
    ["a.gif", { facts: { format: "gif", alpha: true, frames: 4 } }, ["alpha", "animated"]],
  ] satisfies [string, Changes, string[]][])("%s %j is odd in %j", (path, changes, oddities) => {
    expect(odditiesOf(path, changes)).toEqual(oddities);
  });

  it("tells type and range of numbers that are no bytes, and does not call them blank", () => {
    const collection = new Collection();
    const black = { mean: [0, 0, 0], square: [0, 0, 0], grey: true };
    const numbers = { type: "float32", low: -0.51234567, high: 3 };
    collection.add(0, "a.tif", good({ facts: { format: "tiff", bits: 32, numbers } }));
    collection.add(1, "b.png", good({ facts: { format: "png", bits: 16 }, channels: black }));
    expect(collection.odd.get("deep")).toEqual([
      { index: 0, detail: "float32, -0.5123 to 3" },
      { index: 1, detail: "16 bits, of which 8 bits show one colour: stretch their range first" },
    ]);
    expect(collection.odd.get("blank")).toEqual([]);
  });

  it("sums up sizes and channels, each picture with the same weight", () => {
    const collection = new Collection();
    expect(collection.statistics()).toBeUndefined();
    collection.add(0, "a.jpg", good({ width: 100, height: 200, bytes: 10 }));
    collection.add(1, "b.png", good({ width: 300, height: 100, bytes: 30, facts: { format: "png" } }));
    const channels = { mean: [0.1, 0.2, 0.5], square: [0.1, 0.1, 0.5], grey: false } as const;
    collection.add(2, "c.jpg", good({ width: 50, height: 50, bytes: 20, channels }));
    const statistics = collection.statistics();
    expect(statistics).toMatchObject({
      width: { least: 50, median: 100, most: 300 },
      height: { least: 50, median: 100, most: 200 },
      shorterSide: { least: 50, median: 100, most: 100 },
      aspect: { least: 0.5, median: 1, most: 3 },
      fileBytes: { least: 10, median: 20, most: 30 },
      totalBytes: 60,
      formats: { jpeg: 2, png: 1 },
    });
    const mean = [1.1 / 3, 1 / 3, 1.1 / 3];
    const square = [0.7 / 3, 0.5 / 3, 0.7 / 3];
    for (const [c, value] of mean.entries()) {
      expect(statistics?.mean[c]).toBeCloseTo(value, 12);
      expect(statistics?.deviation[c]).toBeCloseTo(Math.sqrt((square[c] as number) - value * value), 12);
    }
  });
});
