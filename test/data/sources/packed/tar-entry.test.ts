import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pathOfEntry, readTarEntry, tarEntry } from "../../../../src/data/sources/packed/tar-entry.js";
import { temporaryFolder } from "../../pictures.js";

const archive = join(temporaryFolder(), "00000.tar");
writeFileSync(archive, "0123456789");

test("a path says where the bytes lie, whatever the file's name; other paths are files'", () => {
  const entry = { archive: "/p/00000.tar", offset: 512, length: 7 };
  expect(pathOfEntry(entry, "cats/a\nb.jpg")).toBe("/p/00000.tar/512+7/cats/a\nb.jpg");
  expect(tarEntry("/p/00000.tar/512+7/cats/a\nb.jpg")).toEqual(entry);
  for (const path of ["/p/a.jpg", "/p/00000.tar", "/p/00000.tar/a.jpg", "/p/00000.zip/512+7/a.jpg"])
    expect(tarEntry(path), path).toBeUndefined();
});

test("all bytes of a file, or the first of them; an archive that is too short has a truncated picture", () => {
  const text = (length: number, most?: number): string =>
    Buffer.from(readTarEntry({ archive, offset: 2, length }, "a.jpg", most)).toString();
  expect([text(5), text(5, 3), text(5, 9)]).toEqual(["23456", "234", "23456"]);
  expect(() => text(9)).toThrow(/a\.jpg.*truncated: the archive ends before the picture does/);
});
