import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { labelledSpecs, openLabelled } from "../../../src/cli/measure/labelled.js";
import { pack } from "../../../src/index.js";
import { makePictures, temporaryFolder } from "../terminal.js";

test("train and test inside a folder, or each by itself; how they were told apart is said as it was typed", async () => {
  const data = temporaryFolder();
  const [train, val] = [join(data, "train"), join(data, "val")];
  await makePictures(train, 3);
  await makePictures(val, 2);
  expect(await openLabelled({ data, limit: 9 })).toMatchObject({
    train: { size: 6 },
    test: { size: 4 },
    split: `${train} and ${val}`,
  });
  expect(await openLabelled({ train: val, test: train, limit: 9 })).toMatchObject({
    train: { size: 4 },
    test: { size: 6 },
  });
  await makePictures(join(data, "EVAL"), 1);
  expect((await labelledSpecs({ data })).split).toMatch(/EVAL; not used: val$/);
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
    const { train, test: judged, split } = await openLabelled({ data, limit: 99 });
    expect(train.classes).toEqual(["a", "b"]);
    expect(train.size).toBe(16);
    expect([...(judged.labels ?? [])].sort()).toEqual([0, 0, 1, 1]);
    expect(split).toBe("a fifth of each class, chosen by name, is judged");
  }
});

test("nothing and a mixture are refused", async () => {
  await expect(openLabelled({ limit: 9 })).rejects.toThrow(/expected --data, or both --train and --test, got neither/);
  await expect(openLabelled({ data: "a", train: "b", limit: 9 })).rejects.toThrow(/got a mixture/);
});
