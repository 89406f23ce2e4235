import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSource } from "../../../src/data/source.js";
import type { Source } from "../../../src/data/sources/spec.js";
import {
  classDifferences,
  classesText,
  openTrainTest,
  sharedPictures,
  someByName,
  trainTestOf,
} from "../../../src/data/sources/train-test.js";
import { makePictures, temporaryFolder } from "../../cli/terminal.js";

const folder = (path: string) => ({ kind: "folder", path }) as const;

test("a folder for each class: a fifth of each judges, and none is on both sides", async () => {
  const specs = trainTestOf(folder(await makePictures(temporaryFolder(), 20)));
  expect(specs.by).toBe("names");
  const { train, test: judging } = await openTrainTest(specs);
  const names = (source: Source) => Array.from({ length: source.size }, (_, i) => source.name(i));
  expect(train.size).toBe(32);
  expect([...(judging.labels ?? [])]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  expect(names(train).filter((name) => names(judging).includes(name))).toEqual([]);
  expect(train.classes).toEqual(["a", "b"]);
});

test("parts in any usual spelling: the second judges; of three, validation is for whoever trains", async () => {
  const data = temporaryFolder();
  for (const [name, count] of Object.entries({ Training: 4, valid: 2 })) await makePictures(join(data, name), count);
  const two = trainTestOf(folder(data));
  expect(two).toEqual({
    train: folder(join(data, "Training")),
    test: folder(join(data, "valid")),
    by: "folders",
    unused: [],
  });
  expect(await openTrainTest(two)).toMatchObject({ train: { size: 8, classes: ["a", "b"] }, test: { size: 4 } });
  await makePictures(join(data, "EVAL"), 1);
  expect(trainTestOf(folder(data))).toMatchObject({
    train: { path: join(data, "Training") },
    test: { path: join(data, "EVAL") },
    validation: { path: join(data, "valid") },
    unused: ["valid"],
  });
});

test("a published set has its parts, of which the judging one is whole", () => {
  expect(trainTestOf({ kind: "cifar10", split: "train", limit: 7 })).toEqual({
    train: { kind: "cifar10", split: "train", limit: 7 },
    test: { kind: "cifar10", split: "test" },
    by: "published",
    unused: [],
  });
});

test("other classes on the other side, and none at all, are refused", async () => {
  const data = temporaryFolder();
  for (const name of ["train", "val"]) await makePictures(join(data, name), 2);
  mkdirSync(join(data, "other"));
  renameSync(join(data, "val", "b"), join(data, "val", "c"));
  await expect(openTrainTest(trainTestOf(folder(data)))).rejects.toThrow(
    /expected the classes of .*train: 2 classes: a, b, got no b; beside them c\. Give both sides/,
  );
  const flat = folder(join(data, "train", "a"));
  await expect(openTrainTest({ train: flat, test: flat })).rejects.toThrow(/a folder of its own/);
});

test("classes are named, the first of many", () => {
  expect(classesText(["apple", "berry"])).toBe("2 classes: apple, berry");
  expect(classesText([..."abcdefg"])).toBe("7 classes: a, b, c, d, e, f, …");
});

test("which classes differ is said by name, the first of many", () => {
  expect(classDifferences(["a", "b"], ["a", "b"])).toBeUndefined();
  expect(classDifferences(["a", "b"], ["a"])).toBe("no b");
  expect(classDifferences(["a"], [..."abcdefgh"])).toBe("beside them b, c, d, e, f, g, … (7)");
});

test("a limit takes some of every class, always the same, with their own labels", async () => {
  const source = await openSource(folder(await makePictures(temporaryFolder(), 10)));
  const part = someByName(source, 8);
  expect(part.size).toBe(8);
  for (let i = 0; i < part.size; i++) expect(part.labels?.[i]).toBe(part.name(i).startsWith("a/") ? 0 : 1);
  expect(new Set(part.labels).size).toBe(2);
  expect(someByName(source, 8).name(3)).toBe(part.name(3));
  expect(someByName(source, 100)).toBe(source);
});

const files = (root: string, ...paths: string[]): Source => ({
  spec: { kind: "folder", path: root, part: "all", holdOut: 0, seed: 0 },
  size: paths.length,
  fingerprint: "",
  classes: undefined,
  labels: undefined,
  name: (index) => paths[index] as string,
  content: { kind: "files", root, paths },
});

const shared = (judged: Source, trained: Source): Promise<number> =>
  sharedPictures(judged, trained.spec, () => Promise.resolve(trained));

test("files are the same where they lie at the same place, whatever folder was given", async () => {
  const trained = files("/photos", "a/1.jpg", "a/2.jpg", "b/3.jpg");
  expect(await shared(files("/photos/a", "1.jpg", "2.jpg", "4.jpg"), trained)).toBe(2);
  expect(await shared(files("/photos/b/..", "a/1.jpg"), trained)).toBe(1);
  expect(await shared(files("/other", "a/1.jpg"), trained)).toBe(0);
  expect(await sharedPictures(files("/photos", "a/1.jpg"), folder("/nowhere/to/be/found"))).toBe(0);
});

test("of a published set the part counts, and nothing is opened", async () => {
  const part = (split: "train" | "test", size = 10): Source => ({
    ...files("/", ...Array.from({ length: size }, (_, i) => String(i))),
    spec: { kind: "cifar10", split },
    content: { kind: "pixels" } as unknown as Source["content"],
  });
  expect(await shared(part("test"), part("train"))).toBe(0);
  expect(await shared(part("train", 5), part("train"))).toBe(5);
  expect(await shared(part("train"), files("/photos", "1.jpg"))).toBe(0);
});
