import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readShard, type Shard, ShardWriter } from "../../../../src/data/sources/packed/shard.js";
import { temporaryFolder } from "../../pictures.js";

const folder = temporaryFolder();
const file = join(folder, "00000.pack");
const skipped = [{ path: "c\n.png", code: "empty", reason: "nothing" }] as const;

function write(again = false): void {
  const writer = new ShardWriter(file);
  writer.add(
    { kind: "pixels", bytes: Uint8Array.of(1, 2, 3, 4, 5, 6), height: 1, width: 2, channels: 3 },
    "a/ä.png",
    7,
  );
  writer.add({ kind: "encoded", bytes: Uint8Array.of(9), height: 5, width: 4, channels: 1 }, "b", -1);
  if (!again) expect(existsSync(file)).toBe(false); // only a whole one has the name
  writer.finish({ first: 3, next: 6, skipped });
}

function read(path: string): Shard {
  const descriptor = openSync(path, "r");
  try {
    return readShard(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

test("gives back what was written", () => {
  write();
  const shard = read(file);
  expect(shard.text).toEqual({ first: 3, next: 6, names: ["a/ä.png", "b"], skipped });
  expect(shard.count).toBe(2);
  expect(shard.bytes).toBe(readFileSync(file).length);
  const first = { kind: "pixels", height: 1, width: 2, channels: 3, offset: 16, length: 6, label: 7 };
  expect(shard.entry(0)).toEqual({ ...first, checksum: 0x81f67724 }); // Python: zlib.crc32(bytes([1, 2, 3, 4, 5, 6]))
  expect(shard.entry(1)).toMatchObject({ kind: "encoded", offset: 22, length: 1, label: -1 });
});

test("says what is wrong with other files, cut ones at every length and changed ends", () => {
  write(true);
  const whole = readFileSync(file);
  const other = join(folder, "other");
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(other, whole.subarray(0, length));
    expect(() => read(other), `${length} bytes`).toThrow(/begin as a shard|end as a shard/);
  }
  for (let at = 23; at < whole.length - 12; at++) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] as number) ^ 1;
    writeFileSync(other, changed);
    expect(() => read(other), `byte ${at}`).toThrow();
  }
  writeFileSync(other, whole.with(12, 9));
  expect(() => read(other)).toThrow(/version 9, this program reads 1/);
});
