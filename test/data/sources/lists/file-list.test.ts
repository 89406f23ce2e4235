import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openFileList, sourceOfFiles } from "../../../../src/data/sources/lists/file-list.js";
import { temporaryFolder, writeTree } from "../../pictures.js";

const root = temporaryFolder();

async function open(content: string | Uint8Array, rest = {}) {
  writeTree(root, { "lists/list.txt": content });
  const path = join(root, "lists", "list.txt");
  return openFileList({ kind: "list", path, part: "all", holdOut: 0, seed: 0, ...rest });
}

describe("openFileList", () => {
  it("reads paths in their order, relative to the list, absolute ones too", async () => {
    const source = await open(`\ufeffb.png\r\n../a b.png\r\n\n${join(root, "c.png")}\n`);
    expect(source.content.paths).toEqual(["b.png", "../a b.png", "../c.png"]);
    expect(source.content.root).toBe(join(root, "lists"));
    expect(source).toMatchObject({ size: 3, classes: undefined, labels: undefined });
    expect(source.name(1)).toBe("../a b.png");
  });

  it("numbers labels by their bytes, or by their value where all are numbers", async () => {
    const named = await open("1.png\tdog\n2.png\tCat\n3.png\tdog\n");
    expect(named).toMatchObject({ classes: ["Cat", "dog"], labels: Int32Array.of(1, 0, 1) });
    const numbered = await open("1.png\t10\n2.png\t9\n3.png\t-1\n");
    expect(numbered).toMatchObject({ classes: ["-1", "9", "10"], labels: Int32Array.of(2, 1, 0) });
  });

  it("keeps lines whose file is missing: they are bad pictures, not a bad list", async () => {
    expect((await open("gone.png\n")).size).toBe(1);
  });

  it("splits like a folder does", async () => {
    const lines = Array.from({ length: 200 }, (_, i) => `${i}.png\t${i % 2}`).join("\n");
    const train = await open(lines, { part: "train", holdOut: 0.3 });
    const heldOut = await open(lines, { part: "heldOut", holdOut: 0.3 });
    expect(train.size + heldOut.size).toBe(200);
    expect(heldOut.size).toBeGreaterThan(30);
  });

  it("takes files by name: each keeps the name that it was given", () => {
    writeTree(root, { "one.png": "1", "two.png": "2" });
    const names = [join(root, "two.png"), `${root}/lists/../one.png`];
    const source = sourceOfFiles(names);
    expect(names.map((_, i) => source.name(i))).toEqual(names);
    const { root: base, paths } = source.content;
    expect(paths.map((path) => join(base, path))).toEqual([join(root, "two.png"), join(root, "one.png")]);
  });

  it("says what is wrong with the list", async () => {
    await expect(open("\n \n")).rejects.toThrow(/expected a list of pictures, got no line\. Write one picture a line/);
    await expect(open("a.png\t1\n\nb.png\n")).rejects.toThrow(
      /expected a label on every line or on none, got one on line 1, none on line 3/,
    );
    await expect(open(Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 10))).rejects.toThrow(
      /expected a folder of pictures, or a text file that names one a line, got a file of bytes\. Unpack an archive/,
    );
    const nowhere = { kind: "list", path: join(root, "no.txt"), part: "all", holdOut: 0, seed: 0 } as const;
    await expect(openFileList(nowhere)).rejects.toThrow(
      /no\.txt: expected a text file that lists pictures, got ENOENT/,
    );
  });
});
