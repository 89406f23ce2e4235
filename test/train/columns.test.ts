import { expect, test } from "vitest";
import type { Source } from "../../src/data/source.js";
import { checkColumns, checkSameClasses, completeFor } from "../../src/train/columns.js";

function source(classes: readonly string[] | undefined, ...labels: number[]): Source {
  const names = labels.map((_, i) => `${i}.png`);
  return {
    spec: { kind: "folder", path: "x", part: "all", holdOut: 0, seed: 0 },
    size: labels.length,
    fingerprint: "f",
    classes,
    labels: classes && Int32Array.from(labels),
    name: (i) => names[i] as string,
    content: { kind: "files", root: "/x", paths: names },
  };
}

const partly = { name: "some", columns: ["label"], onlyComplete: false } as const;
const wholly = { name: "every", columns: ["label"], onlyComplete: true } as const;
const blind = { name: "none", columns: [], onlyComplete: false } as const;

test("pictures without a label are left out for a method that learns nothing from them, and for no other", () => {
  const some = source(["a", "b"], 0, -1, 1, -1);
  expect(Array.from(completeFor(wholly, some).labels ?? [])).toEqual([0, 1]);
  expect(completeFor(wholly, some).name(1)).toBe("2.png");
  expect(completeFor(partly, some)).toBe(some);
  expect(completeFor(blind, some)).toBe(some);
});

test("pictures without classes, or all of one, are refused where classes are learned from", () => {
  expect(() => checkColumns(partly, source(undefined, 0, 0), "data.source")).toThrow(
    "in data.source: some learns from classes, and these pictures have none.",
  );
  expect(() => checkColumns(wholly, source(["cat"], 0, 0), "data.source")).toThrow(
    "every learns from classes, and these pictures are all of one.",
  );
  for (const needs of [partly, wholly]) checkColumns(needs, source(["a", "b"], 0, 1), "data.source");
  checkColumns(blind, source(undefined, 0), "data.source");
});

test("held-out pictures of other classes, or without a class among them, are refused", () => {
  const refused = (heldOut: Source) => () => checkSameClasses(["a", "b"], heldOut);
  expect(refused(source(["a", "c"], 0, 1))).toThrow("than those that are learned from: a, c.");
  expect(refused(source(["a", "b"], 0, -1))).toThrow("learned from: some pictures without a class.");
  expect(refused(source(undefined, 0))).toThrow("learned from: none.");
  refused(source(["a", "b"], 1, 0))();
});

test("a method that learns from texts gets captions, made of class names where nobody wrote any, or refuses", () => {
  const reading = { name: "reader", columns: ["text"], onlyComplete: true } as const;
  const made = completeFor(reading, source(["cat", "dog"], 1, 0));
  expect(made.captions).toEqual(["a photo of a dog.", "a photo of a cat."]);
  checkColumns(reading, made, "data.source");
  expect(() => checkColumns(reading, completeFor(reading, source(undefined, 0)), "data.source")).toThrow(
    "in data.source: reader learns from captions, and these pictures have none.",
  );
});
