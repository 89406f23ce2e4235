import { join } from "node:path";
import { expect, test } from "vitest";
import { findSplits, splitOfName } from "../../../../src/data/sources/split/folders.js";
import { temporaryFolder, writeTree } from "../../pictures.js";

test.each([
  ["train", ["train", "Training", "TRN", "train_set", "trainset", "training-images", "train2017", "Train Data"]],
  ["validation", ["val", "valid", "Validation", "DEV", "val2017", "valid_images", "valset"]],
  ["test", ["test", "Testing", "eval", "Evaluation", "test_set", "test-images", "testset2"]],
] as const)("%s in every usual spelling", (part, names) => {
  expect(names.map(splitOfName)).toEqual(names.map(() => part));
});

test("names of classes are no parts", () => {
  const names = [
    "trains",
    "contest",
    "valley",
    "device",
    "train station",
    "set",
    "2017",
    "",
    "images",
    "тест",
    "test apple",
  ];
  expect(names.map(splitOfName)).toEqual(names.map(() => undefined));
});

test("finds the parts of a set, two or three, with others and loose files beside", () => {
  const root = temporaryFolder();
  writeTree(root, {
    ...{ "two/Training/a/1.png": "x", "two/valid/a/1.png": "x", "two/cover.png": "x", "two/docs/a.txt": "x" },
    ...{ "three/train/a/1.png": "x", "three/DEV/a/1.png": "x", "three/testing/a/1.png": "x", "three/.git/a/b": "x" },
  });
  expect(findSplits(join(root, "two"))).toEqual({ train: "Training", validation: "valid", others: ["docs"] });
  expect(findSplits(join(root, "three"))).toEqual({ train: "train", validation: "DEV", test: "testing", others: [] });
});

test("a part without folders of classes is none, nor is one alone, a file, or nothing", () => {
  const root = temporaryFolder();
  writeTree(root, {
    ...{ "flat/train/a/1.png": "x", "flat/val/a/1.png": "x", "flat/test/1.png": "x" },
    ...{ "vehicles/train/1.png": "x", "vehicles/test/1.png": "x", "alone/train/a/1.png": "x", "list.txt": "x" },
  });
  expect(findSplits(join(root, "flat"))).toEqual({ train: "train", validation: "val", others: ["test"] });
  for (const name of ["vehicles", "alone", "list.txt", "nowhere", "list.txt/below"])
    expect(findSplits(join(root, name))).toBeUndefined();
});

test("two folders for one part are refused by name", () => {
  const root = temporaryFolder();
  writeTree(root, { "train/a/1.png": "x", "training/a/1.png": "x", "val/a/1.png": "x" });
  expect(() => findSplits(root)).toThrow(
    /expected one train folder, got train and training\. Name the folders: --train/,
  );
});
