import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  classDifferences,
  classesText,
  labelledSpecs,
  openLabelled,
  subset,
} from "../../../src/cli/measure/labelled.js";
import { openSource, pack } from "../../../src/index.js";
import { makePictures, temporaryFolder } from "../terminal.js";

test("a folder for each class: a fifth is judged, and none is on both sides", async () => {
  const data = await makePictures(temporaryFolder(), 20);
  const { train, test: judged } = await openLabelled({ data, limit: 1000 });
  const names = (source: typeof train) => Array.from({ length: source.size }, (_, i) => source.name(i));
  expect(train.size + judged.size).toBe(40);
  expect(judged.size).toBeGreaterThan(1);
  expect(names(train).filter((name) => names(judged).includes(name))).toEqual([]);
  expect(train.classes).toEqual(["a", "b"]);
});

test("train and test inside a folder, or each by itself", async () => {
  const data = temporaryFolder();
  const [train, val] = [join(data, "train"), join(data, "val")];
  await makePictures(train, 3);
  await makePictures(val, 2);
  expect(await openLabelled({ data, limit: 9 })).toMatchObject({ train: { size: 6 }, test: { size: 4 } });
  expect(await openLabelled({ train: val, test: train, limit: 9 })).toMatchObject({
    train: { size: 4 },
    test: { size: 6 },
  });
  mkdirSync(join(data, "other"));
  renameSync(join(val, "b"), join(val, "c"));
  await expect(openLabelled({ data, limit: 9 })).rejects.toThrow(
    /expected the classes of .*train: 2 classes: a, b, got no b; beside them c\. Give both sides/,
  );
});

test("parts in any usual spelling: the second judges; of three, validation is for whoever trains", async () => {
  const data = temporaryFolder();
  for (const [name, count] of Object.entries({ Training: 4, valid: 2 })) await makePictures(join(data, name), count);
  expect(await openLabelled({ data, limit: 9 })).toMatchObject({
    train: { size: 8, classes: ["a", "b"] },
    test: { size: 4 },
    split: `${join(data, "Training")} and ${join(data, "valid")}`,
  });
  await makePictures(join(data, "EVAL"), 1);
  expect(await labelledSpecs({ data })).toMatchObject({
    train: { path: join(data, "Training") },
    test: { path: join(data, "EVAL") },
    validation: { path: join(data, "valid") },
    split: expect.stringMatching(/EVAL; not used: valid$/),
  });
});

test("a list, a packed set and a file of it are the sources that they are", async () => {
  const folder = temporaryFolder();
  const pictures = await makePictures(join(folder, "pictures"), 10);
  const names = ["a", "b"].flatMap((name) =>
    Array.from({ length: 10 }, (_, i) => `pictures/${name}/${i}.png\t${name}\n`),
  );
  const list = join(folder, "list.txt");
  writeFileSync(list, names.join(""));
  const packed = join(folder, "packed");
  await pack({ kind: "folder", path: pictures }, { out: packed });
  for (const data of [list, packed, join(packed, "pack.json"), join(packed, "00000.pack")]) {
    const { train, test: judged } = await openLabelled({ data, limit: 99 });
    expect(train.classes).toEqual(["a", "b"]);
    expect(train.size + judged.size).toBe(20);
  }
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

test("without classes there is nothing to judge", async () => {
  const data = await makePictures(temporaryFolder(), 10);
  await expect(openLabelled({ data: join(data, "a"), limit: 9 })).rejects.toThrow(/a folder of its own/);
  await expect(openLabelled({ limit: 9 })).rejects.toThrow(/expected --data, or both --train and --test, got neither/);
});

test("a limit takes some of every class, always the same, with their own labels", async () => {
  const source = await openSource({ kind: "folder", path: await makePictures(temporaryFolder(), 10) });
  const part = subset(source, 8);
  expect(part.size).toBe(8);
  for (let i = 0; i < part.size; i++) expect(part.labels?.[i]).toBe(part.name(i).startsWith("a/") ? 0 : 1);
  expect(new Set(part.labels).size).toBe(2);
  expect(subset(source, 8).name(3)).toBe(part.name(3));
  expect(subset(source, 100)).toBe(source);
});
