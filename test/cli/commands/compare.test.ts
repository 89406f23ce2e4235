import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lacuna, makePictures, temporaryFolder } from "../terminal.js";

const tiny = [
  "--methods",
  "mae,simsiam",
  "--multiply-adds",
  "2e10",
  "--data.imageSize=32",
  "--data.workers=0",
  "--log.previewPictures=0",
];

test("a dry run shows every method at the same cost and makes nothing; without classes it says what to do", async () => {
  const path = temporaryFolder();
  const pictures = await makePictures(join(path, "pictures"), 16);
  const out = join(path, "out");
  const { code, out: text } = await lacuna("compare", pictures, ...tiny, "--dry-run", "--out", out);
  expect(code).toBe(0);
  expect(text).toContain("Methods on pictures");
  const rows = [...text.matchAll(/(mae|simsiam)_seed-([01]) +\d+ +([\d.]+) [MG] /g)].map(
    ([, name, seed]) => `${name} ${seed}`,
  );
  expect(rows.sort()).toEqual(["mae 0", "mae 1", "simsiam 0", "simsiam 1"]);
  expect(existsSync(out)).toBe(false);
  const flat = await lacuna("compare", join(pictures, "a"), ...tiny, "--dry-run");
  expect(flat.code).toBe(1);
  expect(flat.error).toContain("Put the pictures of each class into a folder of its own");
  const wrong = await lacuna("compare", pictures, "--method=mae");
  expect(wrong).toMatchObject({ code: 2, error: expect.stringContaining("Did you mean --methods?") });
  const chosen = await lacuna("compare", pictures, ...tiny, "--epochs=2");
  expect(chosen).toMatchObject({ code: 2, error: expect.stringContaining("one that each method has for itself") });
  expect(await lacuna("compare")).toMatchObject({ code: 2, error: expect.stringContaining("lacuna compare photos") });
});

test("trains and judges all, the best first; the same command does nothing twice", async () => {
  const path = temporaryFolder();
  const pictures = await makePictures(join(path, "pictures"), 16);
  const command = ["compare", pictures, ...tiny, "--seeds", "1", "--out", join(path, "out")];
  const first = await lacuna(...command);
  expect(first, first.error).toMatchObject({ code: 0 });
  const table = readFileSync(join(path, "out", "table.md"), "utf8");
  const scores = [...table.matchAll(/\| (?:mae|simsiam) \|[^|]*\|[^|]*\|[^|]*\| ([\d.]+) \|/g)].map(([, score]) =>
    Number(score),
  );
  expect(scores).toHaveLength(2);
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  expect(table).toMatch(/images\/s \| memory, GB \| training, minutes/);
  expect(table).toMatch(/For comparison: raw pixels .*before training/);
  const again = await lacuna(...command);
  expect(again.code).toBe(0);
  expect(readFileSync(join(path, "out", "table.md"), "utf8")).toBe(table);
  expect(await lacuna(...command, "--methods", "mae")).toMatchObject({
    code: 1,
    error: expect.stringContaining("another league runs in"),
  });
});
