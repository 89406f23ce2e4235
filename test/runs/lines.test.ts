import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readLines } from "../../src/runs/lines.js";
import { temporaryFolders } from "./example.js";

const folder = temporaryFolders()();
mkdirSync(folder);
const path = join(folder, "lines");

test("lines come with their place, the torn one marked", () => {
  writeFileSync(path, "one\n\nthrée 🙂\ntor");
  expect([...readLines(path)]).toEqual([
    { number: 1, text: "one", start: 0, end: 4, whole: true },
    { number: 2, text: "", start: 4, end: 5, whole: true },
    { number: 3, text: "thrée 🙂", start: 5, end: 17, whole: true },
    { number: 4, text: "tor", start: 17, end: 20, whole: false },
  ]);
  expect([...readLines(path, 5)].map(({ text, start }) => [text, start])).toEqual([
    ["thrée 🙂", 5],
    ["tor", 17],
  ]);
});

test("any text comes back, whatever the length of its lines", () => {
  const texts = fc.array(fc.tuple(fc.string({ unit: "grapheme" }), fc.nat(9000)), { maxLength: 30 });
  fc.assert(
    fc.property(texts, (parts) => {
      const lines = parts.map(([text, times]) =>
        text.replaceAll("\n", "").repeat(text.length > 0 ? times / text.length : 0),
      );
      writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
      const read = [...readLines(path)];
      expect(read.map(({ text }) => text)).toEqual(lines);
      expect(read.every(({ whole }) => whole)).toBe(true);
    }),
    { seed: 4, numRuns: 50 },
  );
});

test("a missing file has no lines, another trouble is thrown", () => {
  expect([...readLines(join(folder, "none"))]).toEqual([]);
  expect(() => [...readLines(folder)]).toThrow(/EISDIR/);
});

test("a line without end does not fill the memory", () => {
  writeFileSync(path, Buffer.alloc(20_000_000, "x"));
  const [line, ...rest] = readLines(path);
  expect(rest).toEqual([]);
  expect(line).toMatchObject({ whole: false });
  expect(line?.text.length).toBeLessThan(17_000_000);
});
