import { expect, test } from "vitest";
import { waitAdvice } from "../../../src/cli/training/waiting.js";

const plain = { part: "all", holdOut: 0, seed: 0 } as const;
const folder = { source: { kind: "folder", path: "photos", ...plain }, workers: "auto", jpeg: "fast" } as const;
const packed = { source: { kind: "packed", path: "packed", ...plain }, workers: 1, jpeg: "fast" } as const;

const photographs = { cores: 8, hasJpegs: true };

test("speaks up where much is waited, and says what fits the source", () => {
  expect(waitAdvice(0.1, folder, photographs)).toBeUndefined();
  expect(waitAdvice(Number.NaN, folder, photographs)).toBeUndefined();
  expect(waitAdvice(0.42, folder, photographs)).toBe(
    "42 % of the time is spent waiting for data. What helps: pack the pictures once (lacuna data pack photos --out <folder>) and train on packed:<folder>; for photographs much larger than the crops, --data.jpeg=scaled.",
  );
  expect(waitAdvice(0.42, folder, { cores: 8, hasJpegs: false })).toMatch(/packed:<folder>\.$/);
  expect(waitAdvice(0.42, { ...folder, jpeg: "scaled", workers: 2 }, photographs)).toMatch(
    /packed:<folder>; more threads \(--data.workers=8\)\.$/,
  );
  expect(waitAdvice(0.42, packed, photographs)).toMatch(/What helps: more threads \(--data\.workers=8\)\.$/);
  expect(waitAdvice(0.42, packed, { ...photographs, cores: 1 })).toMatch(
    /What helps: a faster disk, or a machine with more cores\.$/,
  );
});
