import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { emptyPart, openFolder } from "../../../src/data/sources/folder.js";
import { temporaryFolder, writeTree } from "../pictures.js";

const root = temporaryFolder();
const spec = (path: string, rest = {}) =>
  ({ kind: "folder", path: join(root, path), part: "all", holdOut: 0, seed: 0, ...rest }) as const;

describe("openFolder", () => {
  it("takes the first folder as class", async () => {
    writeTree(join(root, "animals"), { "dog/2.png": "x", "cat/a/1.png": "x", "cat/b.png": "x", "dog/note.txt": "x" });
    const source = await openFolder(spec("animals"));
    expect(source).toMatchObject({ size: 3, classes: ["cat", "dog"], labels: Int32Array.of(0, 0, 1) });
    expect(source.content).toEqual({
      kind: "files",
      root: join(root, "animals"),
      paths: ["cat/a/1.png", "cat/b.png", "dog/2.png"],
    });
    expect(source.name(1)).toBe("cat/b.png");
    expect(source.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it("has no classes where pictures lie beside the folders, or in one folder only", async () => {
    writeTree(join(root, "mixed"), { "a/1.png": "x", "b/1.png": "x", "2.png": "x" });
    writeTree(join(root, "single"), { "a/1.png": "x", "a/2.png": "x" });
    for (const path of ["mixed", "single"]) {
      expect(await openFolder(spec(path))).toMatchObject({ classes: undefined, labels: undefined });
    }
  });

  it("takes no part of a set for a class: below train and valid the next folder is the class", async () => {
    const files = { "Train/apple/1.png": "x", "Train/berry/1.png": "x", "valid/apple/2.png": "x", "note.txt": "x" };
    writeTree(join(root, "parts"), files);
    const both = await openFolder(spec("parts"));
    expect(both).toMatchObject({ size: 3, classes: ["apple", "berry"], labels: Int32Array.of(0, 1, 0) });
    writeTree(join(root, "one part"), { "train/apple/1.png": "x", "train/berry/1.png": "x" });
    expect(await openFolder(spec("one part"))).toMatchObject({ classes: ["apple", "berry"] });
    writeTree(join(root, "flat parts"), { "train/1.png": "x", "test/1.png": "x" });
    expect(await openFolder(spec("flat parts"))).toMatchObject({ classes: undefined, labels: undefined });
    writeTree(join(root, "vehicles"), { "train/1.png": "x", "bus/1.png": "x" });
    expect(await openFolder(spec("vehicles"))).toMatchObject({ classes: ["bus", "train"] });
  });

  it("splits, with the same classes on both sides", async () => {
    const files = Array.from({ length: 60 }, (_, i) => [`class ${i % 3}/${i}.png`, "x"]);
    writeTree(join(root, "split"), { ...Object.fromEntries(files), "only here/1.png": "x" });
    const train = await openFolder(spec("split", { part: "train", holdOut: 0.5 }));
    const heldOut = await openFolder(spec("split", { part: "heldOut", holdOut: 0.5 }));
    expect(train.classes).toEqual(["class 0", "class 1", "class 2", "only here"]);
    expect(heldOut.classes).toEqual(train.classes);
    expect(train.size + heldOut.size).toBe(61);
    expect(train.fingerprint).not.toBe(heldOut.fingerprint);
    for (const [i, path] of heldOut.content.paths.entries()) {
      expect(path.startsWith(`${heldOut.classes?.[heldOut.labels?.[i] ?? -1]}/`)).toBe(true);
    }
  });

  it("says what is wrong with the folder", async () => {
    writeTree(join(root, "texts"), { "a.txt": "x" });
    const error = async (path: string) => String(await openFolder(spec(path)).catch((reason: unknown) => reason));
    expect(await error("nowhere")).toMatch(
      /^DataError in .*nowhere: expected a folder of pictures, got nothing of that name\. Check the path\.$/,
    );
    expect(await error("texts/a.txt")).toMatch(
      /expected a folder of pictures, got a file\. .* a list of pictures is \{ kind: "list" \}/,
    );
    expect(await error("texts")).toMatch(/expected files ending in \.jpg .*, got 1 other files\. Give the folder/);
    writeTree(join(root, "phone"), { "a.HEIC": "x", "b.bmp": "x", "c.txt": "x" });
    expect(await error("phone")).toMatch(
      /got 3 other files \(\.heic, \.bmp\)\. Convert them, for example with ImageMagick: mogrify -format png \*\.heic$/,
    );
    await expect(openFolder(spec("single", { part: "heldOut" }))).rejects.toMatchObject({ code: "empty-part" });
  });
});

describe("emptyPart", () => {
  it("names part, share and remedy", () => {
    expect(String(emptyPart("photos", { part: "heldOut", holdOut: 0.01 }, 7))).toBe(
      'DataError in photos: expected pictures in the part "heldOut", got none of 7 with holdOut 0.01. ' +
        "Choose another holdOut (0.1 holds out every tenth picture), or add pictures.",
    );
  });
});
