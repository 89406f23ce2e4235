import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRecord, readRows, recordEntry, recordPath } from "../../../../src/data/sources/packed/records.js";
import { ShardWriter } from "../../../../src/data/sources/packed/shard.js";
import { temporaryFolder } from "../../pictures.js";

const folder = temporaryFolder();
const shard = join(folder, "00004.pack");
const writer = new ShardWriter(shard);
const bytes = Uint8Array.from({ length: 4 * 3 * 2 }, (_, i) => i);
writer.add({ kind: "pixels", bytes, height: 4, width: 3, channels: 2 }, "x", -1);
writer.finish({ first: 0, next: 1, skipped: [] });

test("a record's path names shard and number, whatever its name; other paths are files'", () => {
  expect(recordPath("/p/00004.pack/17/cats/a\nb.jpg")).toEqual({ shard: "/p/00004.pack", index: 17 });
  for (const path of ["/p/cats/a.jpg", "/p/00004.pack", "/p/x.pack/1/a.jpg", "/p/00004.pack/cats/a.jpg"])
    expect(recordPath(path), path).toBeUndefined();
});

test("all bytes, or some rows, of a record", () => {
  const record = { shard, index: 0 };
  expect(recordEntry(record)).toMatchObject({ kind: "pixels", height: 4, width: 3, channels: 2 });
  expect(readRecord(record)).toEqual({ kind: "pixels", bytes, height: 4, width: 3, channels: 2, label: -1 });
  const { data, height } = readRows(record, 1, 2);
  expect([...data]).toEqual([...bytes.subarray(6, 18)]);
  expect(height).toBe(2);
});

test("what is not there is a bad picture", () => {
  const codeOf = (path: string, index: number): unknown => {
    try {
      return readRecord({ shard: path, index });
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  expect(codeOf(shard, 1)).toBe("missing");
  expect(codeOf(join(folder, "00005.pack"), 0)).toBe("missing");
  writeFileSync(join(folder, "00006.pack"), "LACUNA-PACK\0\x01\0\0\0".padEnd(60, "x"));
  expect(codeOf(join(folder, "00006.pack"), 0)).toBe("truncated");
});
