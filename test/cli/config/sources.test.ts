import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseSource, sourceName } from "../../../src/cli/config/sources.js";
import { temporaryFolder } from "../terminal.js";

test("published sets, with split and number of pictures", () => {
  expect(parseSource("cifar10")).toEqual({ kind: "cifar10", split: "train" });
  expect(parseSource("cifar10", "test")).toEqual({ kind: "cifar10", split: "test" });
  expect(parseSource("fashion-mnist:test:500")).toEqual({ kind: "fashion-mnist", split: "test", limit: 500 });
  expect(() => parseSource("cifar10:tset")).toThrow(/cifar10:train or cifar10:test/);
  expect(() => parseSource("cifar10:test:-3")).toThrow(/number of pictures/);
});

test("folders and lists become absolute", () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "photos"));
  writeFileSync(join(folder, "list.txt"), "");
  expect(parseSource(join(folder, "photos"))).toEqual({ kind: "folder", path: join(folder, "photos") });
  expect(parseSource(join(folder, "list.txt"))).toEqual({ kind: "list", path: join(folder, "list.txt") });
  expect(parseSource(`packed:${join(folder, "photos")}`)).toEqual({ kind: "packed", path: join(folder, "photos") });
  writeFileSync(join(folder, "photos", "pack.json"), "");
  expect(parseSource(join(folder, "photos"))).toEqual({ kind: "packed", path: join(folder, "photos") });
  for (const file of ["pack.json", "00000.pack"]) {
    writeFileSync(join(folder, "photos", file), "");
    expect(parseSource(join(folder, "photos", file))).toEqual({ kind: "packed", path: join(folder, "photos") });
  }
  expect(() => parseSource(join(folder, "list.txt", "train"))).toThrow(/got nothing of that name/);
  expect(sourceName({ kind: "folder", path: join(folder, "photos") })).toBe("photos");
  expect(sourceName({ kind: "cifar10", split: "train" })).toBe("cifar10");
});

test("archives: one, a pattern, or a folder that has nothing else", () => {
  const folder = temporaryFolder();
  const shards = join(folder, "shards");
  mkdirSync(shards);
  for (const name of ["0.tar", "1.TAR", "0.parquet", ".hidden.png"]) writeFileSync(join(shards, name), "");
  for (const path of [shards, join(shards, "0.tar"), join(shards, "*.tar")])
    expect(parseSource(path)).toEqual({ kind: "tar", path });
  const names = ["0.tar", "0*.tar", "*.tar"].map((name) => sourceName({ kind: "tar", path: join(shards, name) }));
  expect(names).toEqual(["0", "0", "tar"]);
  writeFileSync(join(shards, "a.png"), "");
  expect(parseSource(shards)).toEqual({ kind: "folder", path: shards });
});

test("a description in JSON is taken as it is", () => {
  expect(parseSource('{"kind":"folder","path":"x"}')).toEqual({ kind: "folder", path: "x" });
  expect(() => parseSource("{kind")).toThrow(/a description in JSON/);
});

test("what is not there is refused, with the set that was meant", () => {
  expect(() => parseSource("cifar-10")).toThrow(/Did you mean cifar10\?/);
  expect(() => parseSource("no such folder here")).toThrow(/nothing of that name\. Check the path/);
});

test("a single picture is no source", () => {
  const file = join(temporaryFolder(), "a.jpg");
  writeFileSync(file, "");
  expect(() => parseSource(file)).toThrow(/got one picture\. Give its folder/);
});
