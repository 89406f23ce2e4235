import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findFiles, fingerprintOfFiles, inByteOrder } from "../../../src/data/sources/files.js";
import { statOf } from "../../../src/data/sources/names.js";
import { temporaryFolder, writeTree } from "../pictures.js";

const root = temporaryFolder();

describe("findFiles", () => {
  it("finds pictures at any depth in byte order, and leaves hidden ones out", async () => {
    const tree = join(root, "tree");
    const names = ["b/z.JPG", "b/a/deep/x.webp", "a.png", "B.gif", "é.tiff", "b-1.avif", "notes.txt"];
    writeTree(tree, Object.fromEntries([...names, ".hidden.png", ".git/c.png"].map((name) => [name, "x"])));
    const { pictures, others } = await findFiles(tree);
    expect(pictures).toEqual(["B.gif", "a.png", "b-1.avif", "b/a/deep/x.webp", "b/z.JPG", "é.tiff"]);
    expect(others).toEqual(["notes.txt"]);
  });

  it("follows links, ends loops, enters each folder once and by its own name", async () => {
    const tree = join(root, "links");
    writeTree(tree, { "real/a.png": "x", "z.png": "x" });
    writeTree(join(root, "elsewhere"), { "b.png": "x" });
    symlinkSync("..", join(tree, "real", "loop"));
    symlinkSync(".", join(tree, "self"));
    symlinkSync("real", join(tree, "alias"));
    symlinkSync(join(root, "elsewhere"), join(tree, "out"));
    symlinkSync("z.png", join(tree, "link.png"));
    symlinkSync("nowhere.png", join(tree, "broken.png"));
    const { pictures } = await findFiles(tree);
    expect(pictures).toEqual(["broken.png", "link.png", "out/b.png", "real/a.png", "z.png"]);
  });

  it("goes on after what cannot be reached, and names it", async () => {
    const tree = join(root, "barriers");
    writeTree(tree, { "a.png": "x", "b/c.png": "x", "notes.txt": "x" });
    symlinkSync("loop", join(tree, "loop"));
    symlinkSync("a.png/below", join(tree, "through"));
    symlinkSync("mirror.png", join(tree, "mirror.png"));
    const { pictures, others, unreachable } = await findFiles(tree);
    expect(pictures).toEqual(["a.png", "b/c.png", "mirror.png"]); // a bad picture, met when it is read
    expect(others).toEqual(["notes.txt"]);
    expect(unreachable).toEqual([
      { path: "loop", reason: "ELOOP" },
      { path: "through", reason: "ENOTDIR" },
    ]);
    expect(fingerprintOfFiles(tree, pictures)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.skipIf(process.getuid?.() === 0)("goes on after a folder that may not be read", async () => {
    const tree = join(root, "closed");
    writeTree(tree, { "a.png": "x", "closed/b.png": "x" });
    chmodSync(join(tree, "closed"), 0);
    const found = await findFiles(tree);
    chmodSync(join(tree, "closed"), 0o700);
    expect(found).toMatchObject({ pictures: ["a.png"], unreachable: [{ path: "closed", reason: "EACCES" }] });
  });

  it("finds names that are no UTF-8, of files and folders", async () => {
    const tree = Buffer.from(join(root, "latin"));
    const below = (...bytes: number[]): Buffer => Buffer.concat([tree, Buffer.from("/"), Buffer.from(bytes)]);
    mkdirSync(tree);
    mkdirSync(below(0xe9));
    writeFileSync(Buffer.concat([below(0xe9), Buffer.from("/\xfc.png", "latin1")]), "four");
    writeFileSync(below(0x61, 0xff, 0x2e, 0x70, 0x6e, 0x67), "x");
    const { pictures } = await findFiles(String(tree));
    expect(pictures).toEqual(["\\xe9/\\xfc.png", "a\\xff.png"]);
    expect(statOf(join(String(tree), pictures[0] as string))?.size).toBe(4);
  });

  it("takes nothing that Lacuna has written for pictures, wherever it lies, unless it is the root", async () => {
    const tree = join(root, "outputs");
    const run = { "run.json": "{}", "events.jsonl": "", "curves.png": "x", "previews/step-1.png": "x" };
    const own: Record<string, Record<string, string>> = {
      ...{ "runs/one": run, "a/deep/run": run, packed: { "pack.json": "", "settings.json": "", "x.png": "x" } },
      ...{
        page: { "page.json": "", "index.html": "", "p.png": "x" },
        begun: { "settings.json": "", "00000.pack": "" },
      },
      ...{
        sweep: { "sweep.json": "", "points/1/run.json": "", "loss.png": "x" },
        partial: { "partial.json": "", "c.png": "" },
      },
      judged: { "scores.json": "", "confusion.svg": "", "confusion.png": "x" },
    };
    const files = Object.entries(own).flatMap(([folder, below]) =>
      Object.entries(below).map(([name, content]) => [`${folder}/${name}`, content] as const),
    );
    writeTree(tree, { ...Object.fromEntries(files), "a/1.png": "x", "settings.json": "", "sweep.json": "" });
    expect(await findFiles(tree)).toMatchObject({ pictures: ["a/1.png"], others: ["settings.json", "sweep.json"] });
    expect((await findFiles(join(tree, "runs/one"))).pictures).toEqual(["curves.png", "previews/step-1.png"]);
  });

  it("takes arrays for pictures where there are no others", async () => {
    const [arrays, mixed] = [join(root, "arrays"), join(root, "mixed")];
    writeTree(arrays, { "b/1.npy": "x", "a.NPY": "x", "notes.txt": "x" });
    writeTree(mixed, { "a.png": "x", "features.npy": "x" });
    expect(await findFiles(arrays)).toMatchObject({ pictures: ["a.NPY", "b/1.npy"], others: ["notes.txt"] });
    expect(await findFiles(mixed)).toMatchObject({ pictures: ["a.png"], others: ["features.npy"] });
  });

  it("answers nothing for an empty folder", async () => {
    mkdirSync(join(root, "empty"));
    expect(await findFiles(join(root, "empty"))).toEqual({ pictures: [], others: [], unreachable: [] });
  });
});

describe("names", () => {
  it("sort by bytes, also beyond U+FFFF, where JavaScript's order differs", () => {
    const names = ["\u{1f600}", "\uff5e", "a", "Z"];
    expect(inByteOrder(names)).toEqual(["Z", "a", "\uff5e", "\u{1f600}"]);
    expect([...names].sort()).not.toEqual(inByteOrder(names));
  });

  it("sort as their bytes do, of whatever characters", () => {
    const text = fc.oneof(fc.string({ maxLength: 4 }), fc.string({ unit: "binary", maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(text), (names) => {
        const sorted = inByteOrder(names).map((name) => Buffer.from(name));
        expect(sorted).toEqual(names.map((name) => Buffer.from(name)).sort(Buffer.compare));
      }),
    );
  });
});

describe("fingerprintOfFiles", () => {
  it("depends on names and sizes", () => {
    const tree = join(root, "print");
    writeTree(tree, { "a.png": "12", "b.png": "3" });
    const first = fingerprintOfFiles(tree, ["a.png", "b.png"]);
    // SHA-256 of "a.png\0" "2\n" "b.png\0" "1\n", by Python's hashlib.
    expect(first).toBe("c40627c9cd2e91494ae6de686c9a056b34ffe7ce2b0edc2c6caf6dc2c0ae42f8");
    writeTree(tree, { "a.png": "21" });
    expect(fingerprintOfFiles(tree, ["a.png", "b.png"])).toBe(first);
    writeTree(tree, { "a.png": "123" });
    expect(fingerprintOfFiles(tree, ["a.png", "b.png"])).not.toBe(first);
    expect(fingerprintOfFiles(tree, ["b.png", "a.png"])).not.toBe(fingerprintOfFiles(tree, ["a.png", "b.png"]));
    expect(fingerprintOfFiles(tree, ["gone.png"])).toMatch(/^[0-9a-f]{64}$/);
  });
});
