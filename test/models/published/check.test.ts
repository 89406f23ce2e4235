import { expect, test } from "vitest";
import { models } from "../../../src/models/index.js";
import { checkReading, checkShapes, sketch } from "../../../src/models/published/check.js";
import type { Reading } from "../../../src/models/published/layout.js";
import type { PublishedTensor } from "../../../src/models/published/tensors.js";
import { smallModel } from "../../methods/small.js";

const image = { imageSize: [16, 16], channels: 3 } as const;
const plain = (shape: readonly number[]): PublishedTensor => ({
  dtype: "F32",
  shape,
  read: () => expect.fail("not read"),
});

function readingOf(name: string, change: (tensors: Map<string, PublishedTensor>) => void = () => {}): Reading {
  using encoder = sketch(smallModel(name), image);
  const tensors = new Map([...encoder.state()].map(([own, { shape }]) => [own, plain(shape)]));
  change(tensors);
  return { layout: "x", model: smallModel(name), guessed: [], image, tensors, assumed: [], dropped: [] };
}

test.each(models.names())("%s: a file with all of it passes; a hole, a wrong side and a stranger are named", (name) => {
  expect(() => checkReading(readingOf(name), "x")).not.toThrow();
  const [first = ""] = readingOf(name).tensors.keys();
  expect(() =>
    checkReading(
      readingOf(name, (t) => t.delete(first)),
      "x",
    ),
  ).toThrow(`1 tensors are missing (${first})`);
  expect(() =>
    checkReading(
      readingOf(name, (t) => t.set(first, plain([7]))),
      "x",
    ),
  ).toThrow(`${first} has shape [7]`);
  expect(() =>
    checkReading(
      readingOf(name, (t) => t.set("other", plain([7]))),
      "x",
    ),
  ).toThrow("a tensor other is not known");
});

test("what a kind of file may lack is not missed, a classifier is asked for whole", () => {
  const reading = readingOf("convnextV2", (t) => {
    t.delete("norm.weight");
    t.delete("norm.bias");
  });
  expect(() => checkReading({ ...reading, optional: ["norm.weight", "norm.bias"] }, "x")).not.toThrow();
  const classifier = { classes: 3, pool: "mean" } as const;
  expect(() => checkReading({ ...readingOf("resnet"), classifier }, "x")).toThrow(/head\.weight, head\.bias/);
  expect(() => checkShapes(new Map(), new Map([["a", [1]]]), "x")).toThrow(/1 tensors are missing \(a\)/);
});
