import { existsSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { lacuna, temporaryFolder, tinyRun } from "../terminal.js";

test("writes a picture, and says what is in it", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  const out = join(folder, "attention.png");
  const { code, out: text } = await lacuna("attend", run, join(pictures, "a", "0.png"), "--out", out);
  expect(code).toBe(0);
  expect(text).toContain("1 picture, 2 heads, 4 × 4 places");
  expect(text).toContain("attention of the class token");
  expect(await sharp(out).metadata()).toMatchObject({ format: "png", width: 696 });
  const larger = await lacuna("attend", run, pictures, "--side", "64", "--out", out, "--json");
  expect(JSON.parse(larger.out)).toMatchObject({ out, step: 2, heads: 2, grid: [8, 8] });
});

test("what cannot be done is said, and nothing is written", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  const out = join(folder, "x.png");
  const refused = async (...parameters: string[]) => (await lacuna("attend", run, ...parameters)).error;
  expect(await refused(pictures, "--out", "x.jpg")).toMatch(/a file that ends in \.png/);
  expect(await refused(pictures, "--out", out, "--side", "60")).toContain("Take 64");
  expect(existsSync(out)).toBe(false);
});
