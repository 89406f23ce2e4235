import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { predictionSource } from "../../../src/cli/measure/pictures.js";
import { openSource } from "../../../src/data/source.js";
import { makePictures, temporaryFolder } from "../terminal.js";

test("files become a list that goes again; a folder is itself", async () => {
  const folder = await makePictures(temporaryFolder(), 2);
  const files = ["a/1.png", "b/0.png"].map((name) => join(folder, name));
  let path = "";
  {
    using named = predictionSource(files);
    expect(named.source).toMatchObject({ kind: "list" });
    ({ path } = named.source as { path: string });
    expect(readFileSync(path, "utf8")).toBe(`${files.join("\n")}\n`);
    const source = await openSource(named.source);
    expect(files.map((_, i) => named.shown(source.name(i)))).toEqual(files); // and not by their way from the temporary folder
  }
  expect(existsSync(path)).toBe(false);
  using whole = predictionSource([folder]);
  expect(whole.source).toMatchObject({ kind: "folder", path: folder });
});

test("what is no file is named", () => {
  const folder = temporaryFolder();
  expect(() => predictionSource(["a.png", "b.png"])).toThrow(
    "in a.png: expected picture files, or a single folder or list",
  );
  expect(() => predictionSource([folder, folder])).toThrow("a folder among files");
});
