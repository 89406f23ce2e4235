import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeFile, defaultDecodeOptions } from "../../../src/data/decode.js";
import { openSource } from "../../../src/data/source.js";
import {
  hasArrayName,
  hasPictureName,
  isJpegName,
  pathOnDisk,
  statOf,
  textOfBytes,
} from "../../../src/data/sources/names.js";
import { makePicture, temporaryFolder } from "../pictures.js";

test("of pictures end in a known extension, in either case", () => {
  const named = (has: (path: string) => boolean, ...names: string[]): string[] => names.filter(has);
  const pictures = ["a.jpg", "a.JPEG", "a.b.png", "a.tif", "a.jfif", "a.JPE", "b/c.webp"];
  expect(named(hasPictureName, ...pictures, "a", "a.txt", "jpg", "a.jpg.part", "a.bmp", "a.npy")).toEqual(pictures);
  expect(named(isJpegName, ...pictures)).toEqual(["a.jpg", "a.JPEG", "a.jfif", "a.JPE"]);
  expect(named(hasArrayName, "a.npy", "b.NPY", "a.png", "npy")).toEqual(["a.npy", "b.NPY"]);
});

test("what lies at a path, or nothing where a name, a link or a file in the way ends it", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a"), "four");
  symlinkSync("itself", join(folder, "itself"));
  expect(statOf(join(folder, "a"))?.size).toBe(4);
  expect(statOf(folder)?.isDirectory()).toBe(true);
  for (const name of ["nothing", "itself", "a/b"]) expect(statOf(join(folder, name))).toBeUndefined();
});

test("text stays text, other bytes are escaped, and the way back gives the same bytes", () => {
  expect(textOfBytes(Buffer.from("größe 1.png"))).toBe("größe 1.png");
  expect(textOfBytes(Buffer.from("caf\xe9.png", "latin1"))).toBe("caf\\xe9.png");
  expect(textOfBytes(Buffer.from([0xc3, 0xa9, 0xc3, 0x2f, 0xff]))).toBe("é\\xc3/\\xff");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      fc.pre(!bytes.includes(0) && !bytes.includes(0x5c));
      expect(Buffer.from(pathOnDisk(textOfBytes(bytes)))).toEqual(Buffer.from(bytes));
    }),
  );
});

test("a file that has the escaped text for its name is that file", () => {
  const file = join(temporaryFolder(), "caf\\xe9.png");
  expect(pathOnDisk(file)).toBeInstanceOf(Buffer);
  writeFileSync(file, "x");
  expect(pathOnDisk(file)).toBe(file);
});

test("pictures of such names are decoded, from a folder and from a list", async () => {
  const root = temporaryFolder();
  const folder = Buffer.concat([Buffer.from(`${root}/photos/`), Buffer.from([0xe9])]);
  mkdirSync(folder, { recursive: true });
  const name = Buffer.from("\xfc.png", "latin1");
  writeFileSync(Buffer.concat([folder, Buffer.from("/"), name]), await makePicture(1, 9, 8).png().toBuffer());
  const list = join(root, "list.txt");
  writeFileSync(list, Buffer.concat([Buffer.from("photos/"), Buffer.from([0xe9, 0x2f]), name, Buffer.from("\n")]));
  const sources = [{ kind: "folder", path: join(root, "photos") } as const, { kind: "list", path: list } as const];
  for (const spec of sources) {
    const { content, size } = await openSource(spec);
    if (content.kind !== "files") throw new Error(content.kind);
    expect(size).toBe(1);
    const picture = await decodeFile(join(content.root, content.paths[0] as string), defaultDecodeOptions);
    expect(picture).toMatchObject({ width: 9, height: 8 });
  }
});
