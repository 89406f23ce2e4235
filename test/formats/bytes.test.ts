import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bytesInMemory, openBytes, writingTo } from "../../src/formats/bytes.js";

const temporary = mkdtempSync(join(tmpdir(), "lacuna-bytes-"));
afterAll(() => rmSync(temporary, { recursive: true }));

test("a file and memory give the same bytes, until they are closed", () => {
  const path = join(temporary, "some");
  writeFileSync(path, "abcdef");
  for (const source of [openBytes(path, "file"), bytesInMemory(readFileSync(path), path)]) {
    expect([source.path, source.size]).toEqual([path, 6]);
    expect(Buffer.from(source.read(1, 4)).toString()).toBe("bcd");
    source.close();
    source.close();
    expect(() => source.read(0, 1)).toThrow(expect.objectContaining({ code: "closed" }));
  }
});

test("what is no file is said with what was expected", () => {
  expect(() => openBytes(temporary, "list of names")).toThrow(
    /expected a readable list of names, got something that is not a file/,
  );
});

test("only what the system says becomes an error of formats", () => {
  const mine = new RangeError("mine");
  expect(() =>
    writingTo("x", () => {
      throw mine;
    }),
  ).toThrow(mine);
  expect(() => writingTo("x", () => writeFileSync("/no/such/folder/x", ""))).toThrow(
    expect.objectContaining({ code: "unwritable" }),
  );
});
