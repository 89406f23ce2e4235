import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { lacuna, temporaryFolder, tinyRun } from "../terminal.js";

/** The colours of patch (row, column) in the column "masked" of the first picture: see src/train/watch/panels.ts. */
async function maskedPatch(path: string, row: number, column: number): Promise<Set<string>> {
  const zoom = 4; // 32 px are shown as 128
  const side = 8 * zoom;
  const [left, top] = [8 + (32 * zoom + 8) + column * side, 26 + row * side];
  const data = await sharp(path).extract({ left, top, width: side, height: side }).removeAlpha().raw().toBuffer();
  return new Set(Array.from({ length: side * side }, (_, i) => [...data.subarray(3 * i, 3 * i + 3)].join()));
}

test("masks by seed, by ratio and as given; the statistics are told", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  const out = join(folder, "x.png");
  const picture = join(pictures, "a", "0.png");
  const made = await lacuna("reconstruct", run, picture, join(pictures, "b", "1.png"), "--out", out, "--json");
  expect(JSON.parse(made.out)).toMatchObject({
    hidden: 0.75,
    step: 2,
    note: expect.stringContaining("true mean and deviation"),
  });
  expect(await sharp(out).metadata()).toMatchObject({ format: "png", width: 840 });
  const first = readFileSync(out);
  await lacuna("reconstruct", run, picture, join(pictures, "b", "1.png"), "--out", out, "--seed", "0");
  expect(readFileSync(out).equals(first)).toBe(true);
  await lacuna("reconstruct", run, picture, join(pictures, "b", "1.png"), "--out", out, "--seed", "1");
  expect(readFileSync(out).equals(first)).toBe(false);
  const ratio = await lacuna("reconstruct", run, pictures, "--out", out, "--ratio", "0.5", "--json");
  expect(JSON.parse(ratio.out).hidden).toBe(0.5);
});

test("a given mask hides exactly its patches", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  const [out, mask] = [join(folder, "x.png"), join(folder, "mask.json")];
  writeFileSync(mask, JSON.stringify([0, 5])); // of 4 × 4: the first of the first row, the second of the second
  const { code, out: text } = await lacuna(
    "reconstruct",
    run,
    join(pictures, "a", "0.png"),
    "--out",
    out,
    "--mask",
    mask,
  );
  expect(code).toBe(0);
  expect(text).toContain("88 % hidden");
  const hidden = await maskedPatch(out, 0, 1);
  expect(hidden.size).toBe(2); // one colour, and stripes across it
  for (const [row, column] of [
    [0, 2],
    [1, 0],
    [3, 3],
  ] as const)
    expect(await maskedPatch(out, row, column)).toEqual(hidden);
  for (const [row, column] of [
    [0, 0],
    [1, 1],
  ] as const)
    expect(await maskedPatch(out, row, column)).not.toEqual(hidden);
});

test("what cannot be done is said", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  const picture = join(pictures, "a", "0.png");
  const out = join(folder, "x.png");
  writeFileSync(join(folder, "torn.png"), readFileSync(picture).subarray(0, 60));
  const refused = async (...parameters: string[]) => (await lacuna("reconstruct", run, ...parameters)).error;
  expect(await refused(picture, "--out", "x.jpg")).toMatch(/a file that ends in \.png/);
  expect(await refused(picture, "none.png", "--out", out)).toMatch(/in none\.png: expected picture files/);
  expect(await refused(join(folder, "torn.png"), "--out", out)).toContain("torn.png");
  expect(await refused(picture, "--out", out, "--ratio", "0.99")).toMatch(/leaves some of 16 patches visible/);
  expect(await refused(picture, "--out", out, "--ratio", "0.5", "--mask", "m.json")).toMatch(/cannot be used with/);
});
