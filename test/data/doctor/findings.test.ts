import { describe, expect, it, test } from "vitest";
import { Collection } from "../../../src/data/doctor/collection.js";
import {
  badFindings,
  captionFindings,
  classFindings,
  duplicateFindings,
  oddFindings,
  otherFindings,
  unreachableFindings,
} from "../../../src/data/doctor/findings.js";
import type { GoodFile } from "../../../src/data/doctor/inspect.js";
import { BAD_PICTURE_CODES } from "../../../src/data/errors.js";

const nameOf = (index: number) => `${index}.jpg`;

function good(changes: Partial<GoodFile>): GoodFile {
  return {
    ...{ bytes: 1, sha256: "", width: 100, height: 100, hash: [0, 0], contrast: 40 },
    facts: { format: "jpeg", colour: "rgb", bits: 8, alpha: false, frames: 1, orientation: 1, damaged: false },
    thumbnail: Buffer.alloc(9 * 8 * 3).toString("base64"),
    channels: { mean: [0.5, 0.5, 0.5], square: [0.3, 0.3, 0.3], grey: false },
    wrapped: false,
    white: 0,
    ...changes,
  };
}

describe("badFindings", () => {
  it("has meaning and remedy for every code, and names every file in order", () => {
    const collection = new Collection();
    for (const [i, code] of BAD_PICTURE_CODES.entries()) {
      collection.add(20 + i, "", { code, reason: "later" });
      collection.add(i, "", { code, reason: "first" });
    }
    const findings = badFindings(collection, nameOf);
    expect(findings.map(({ id }) => id)).toEqual([...BAD_PICTURE_CODES]);
    for (const [i, finding] of findings.entries()) {
      expect(finding.files).toEqual([
        { path: `${i}.jpg`, detail: "first" },
        { path: `${20 + i}.jpg`, detail: "later" },
      ]);
      expect(finding).toMatchObject({ count: 2, severity: finding.id === "crashed" ? "bad" : "warning" });
      for (const text of [finding.meaning, finding.remedy]) expect(text).toMatch(/^[A-Z].*\.$/);
    }
  });

  it("is empty where nothing is bad", () => {
    expect(badFindings(new Collection(), nameOf)).toEqual([]);
  });
});

test("pictures without a caption are named where others have one", () => {
  const [found, ...more] = captionFindings(["a cat", "", "a dog"], nameOf);
  expect(found).toMatchObject({ id: "uncaptioned", severity: "warning", count: 1, files: [{ path: "1.jpg" }] });
  expect([...more, ...captionFindings(["a cat"], nameOf), ...captionFindings([], nameOf)]).toEqual([]);
});

describe("oddFindings", () => {
  it("reports grey among colours, not a set that is grey or small as a whole", () => {
    const grey = { mean: [0.5, 0.5, 0.5], square: [0.3, 0.3, 0.3], grey: true } as const;
    const ids = (greys: number) => {
      const collection = new Collection();
      for (let i = 0; i < 10; i++) {
        const channels = i < greys ? { channels: grey } : {};
        collection.add(i, "a.jpg", good({ sha256: String(i), ...channels, ...(i < greys ? { width: 28 } : {}) }));
      }
      return oddFindings(collection, nameOf).map(({ id, count }) => `${id} ${count}`);
    };
    expect(ids(3)).toEqual(["tiny 3", "grey 3"]);
    expect(ids(9)).toEqual([]);
  });
});

test("a set that shows one picture is not ready for training; one with many copies is", () => {
  const found = (copies: number, others: number) => {
    const collection = new Collection();
    for (let i = 0; i < copies + others; i++)
      collection.add(
        i,
        nameOf(i),
        good({ sha256: i < copies ? "one" : `${i}`, hash: [i < copies ? 0 : 2 ** 32 - i, i] }),
      );
    return duplicateFindings(collection, { nameOf }).find(({ id }) => id === "one-picture");
  };
  expect(found(19, 1)).toMatchObject({
    severity: "bad",
    count: 19,
    files: expect.arrayContaining([{ path: "0.jpg" }]),
  });
  expect(found(10, 10)).toBeUndefined();
});

describe("duplicateFindings", () => {
  const collection = new Collection();
  const thumbnail = Buffer.alloc(9 * 8 * 3, 200).toString("base64");
  for (const [index, sha256, hash] of [
    [0, "a", 1],
    [1, "a", 1],
    [2, "b", 0xffff],
    [3, "c", 0xfffe],
  ] as const) {
    collection.add(index, "a.jpg", good({ sha256, hash: [hash, 0], thumbnail }));
  }

  it("groups same and nearly same pictures", () => {
    const findings = duplicateFindings(collection, { nameOf });
    expect(findings.map(({ id, groups }) => [id, groups])).toEqual([
      ["duplicates", [["0.jpg", "1.jpg"]]],
      ["near-duplicates", [["2.jpg", "3.jpg"]]],
    ]);
  });

  it("warns of copies on both sides of a split", () => {
    const leak = (heldOut: number) =>
      duplicateFindings(collection, { nameOf, isHeldOut: (index) => index === heldOut }).find(
        ({ id }) => id === "leak",
      );
    expect(leak(3)?.groups).toEqual([["2.jpg", "3.jpg"]]);
    expect(leak(0)?.groups).toEqual([["0.jpg", "1.jpg"]]);
    expect(leak(9)).toBeUndefined();
  });
});

describe("classFindings", () => {
  it("names classes with few pictures, and those far behind the largest", () => {
    const classes = [
      { name: "many", usable: 1000 },
      { name: "some", usable: 100 },
      { name: "rare", usable: 99 },
      { name: "scarce", usable: 9 },
      { name: "none", usable: 0 },
    ];
    expect(classFindings(classes).map(({ id, files }) => [id, files.map(({ path }) => path)])).toEqual([
      ["scarce-classes", ["scarce", "none"]],
      ["unbalanced-classes", ["rare"]],
    ]);
    expect(classFindings([])).toEqual([]);
  });
});

describe("otherFindings", () => {
  it("tells pictures under another name from other files", () => {
    expect(otherFindings([], [])).toEqual([]);
    const findings = otherFindings(["a.txt", "b.dat"], [{ path: "b.dat", detail: "is PNG" }]);
    expect(findings.map(({ id, severity, count }) => [id, severity, count])).toEqual([
      ["unnamed-pictures", "warning", 1],
      ["other-files", "note", 2],
    ]);
  });
});

test("what cannot be reached is counted and named, and never to be deleted as a picture", () => {
  expect(unreachableFindings([])).toEqual([]);
  const [finding] = unreachableFindings([{ path: "loop", reason: "ELOOP" }]);
  expect(finding).toMatchObject({ id: "unreachable", severity: "warning", count: 1 });
  expect(finding?.files).toEqual([{ path: "loop", detail: "ELOOP" }]);
});
