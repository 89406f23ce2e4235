import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bytesInMemory } from "../../../src/formats/bytes.js";
import { isZip, readZip } from "../../../src/formats/torch/zip.js";
import { archive, type Entry } from "./archive.js";

const text = (word: string): Buffer => Buffer.from(word);
const two: Entry[] = [
  { name: "a", data: text("first") },
  { name: "b/c", data: text("second one") },
];

function codeOf(bytes: Uint8Array): string {
  try {
    readZip(bytesInMemory(bytes));
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return "none";
}

const replaced = (index: number, lie: Entry["lie"]): Buffer =>
  archive(two.map((entry, i) => (i === index && lie !== undefined ? { ...entry, lie } : entry)));

test("entries are found with their bytes", () => {
  const bytes = archive(two);
  const entries = readZip(bytesInMemory(bytes));
  expect([...entries.keys()]).toEqual(["a", "b/c"]);
  for (const { name, data } of two) {
    const entry = entries.get(name);
    expect(bytes.subarray(entry?.start, entry?.end).equals(data)).toBe(true);
  }
  expect(isZip(bytes)).toBe(true);
  expect(isZip(text("PK"))).toBe(false);
});

test("torch's own archives, with data descriptors and padding", () => {
  const path = new URL("../../reference/torch/all.pth", import.meta.url);
  const bytes = readFileSync(path);
  const entry = readZip(bytesInMemory(bytes)).get("all/byteorder");
  expect(bytes.toString("latin1", entry?.start, entry?.end)).toBe("little");
});

test("a comment at the end, and one that looks like an end", () => {
  const bytes = archive(two);
  const comment = Buffer.concat([text("PK\x05\x06"), Buffer.alloc(30)]);
  const end = Buffer.from(bytes.subarray(bytes.length - 22));
  end.writeUInt16LE(comment.length, 20);
  expect(codeOf(Buffer.concat([bytes.subarray(0, bytes.length - 22), end, comment]))).toBe("none");
});

describe("what lies", () => {
  test.each([
    ["the same bytes for two entries", replaced(1, { offset: 0, bytes: 5 }), "bad-offsets"],
    ["an entry that reaches into the next", replaced(0, { bytes: 9 }), "bad-offsets"],
    ["an offset in the middle of nothing", replaced(0, { offset: 3 }), "bad-header"],
    ["an offset beyond the file", replaced(1, { offset: 4e9 }), "bad-offsets"],
    ["more bytes than there are", replaced(1, { bytes: 1e9 }), "bad-offsets"],
    ["bytes up to 2^32 - 1 without ZIP64", replaced(1, { bytes: 0xffffffff }), "bad-offsets"],
    ["a bomb", replaced(0, { method: 8, whole: 4e9 }), "unsupported"],
    ["stored bytes that would grow", replaced(0, { whole: 4e9 }), "bad-header"],
    ["a name twice", archive([...two, two[0] as Entry]), "duplicate-name"],
  ])("%s", (_, bytes, code) => expect(codeOf(bytes)).toBe(code));

  test("cut off anywhere, and no archive at all", () => {
    const bytes = archive(two);
    for (let length = 0; length < bytes.length; length++) expect(codeOf(bytes.subarray(0, length))).toBe("truncated");
    expect(codeOf(Buffer.alloc(100_000))).toBe("truncated");
  });

  test("a count, a length and a place of the directory", () => {
    const changed = (change: (end: Buffer) => void): Buffer => {
      const bytes = archive(two);
      change(bytes.subarray(bytes.length - 22));
      return bytes;
    };
    expect(codeOf(changed((end) => end.writeUInt16LE(60_000, 10)))).toBe("bad-header");
    expect(codeOf(changed((end) => end.writeUInt32LE(4e9, 12)))).toBe("bad-offsets");
    expect(codeOf(changed((end) => end.writeUInt32LE(4e9, 16)))).toBe("bad-offsets");
    expect(codeOf(changed((end) => end.writeUInt16LE(3, 4)))).toBe("unsupported");
  });
});
