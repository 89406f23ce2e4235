import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { evenly, framesOf } from "../../../src/cli/html/pictures.js";
import type { RunEvent } from "../../../src/index.js";
import { congruential } from "../../numbers.js";
import { temporaryFolder } from "../terminal.js";

test("first and last, evenly between", () => {
  expect(evenly([1, 2, 3], 12)).toEqual([1, 2, 3]);
  expect(
    evenly(
      Array.from({ length: 101 }, (_, i) => i),
      5,
    ),
  ).toEqual([0, 25, 50, 75, 100]);
});

test("small pictures stay as they are, large ones become light, missing and damaged ones are left out", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "previews"));
  const small = await sharp({ create: { width: 40, height: 20, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  const next = congruential(1);
  const noise = Buffer.from(Array.from({ length: 1500 * 300 * 3 }, () => Math.floor(128 * (next() + 1))));
  const large = await sharp(noise, { raw: { width: 1500, height: 300, channels: 3 } })
    .png()
    .toBuffer();
  const files = { "a.png": small, "b.png": large, "d.png": small.subarray(0, 30) };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, "previews", name), bytes);
  const events = ["a", "b", "c", "d"].map(
    (name, i): RunEvent => ({ type: "preview", step: i, path: join("previews", `${name}.png`), note: name }),
  );
  const frames = await framesOf(folder, events);
  expect(frames.map(({ note, width, height }) => [note, width, height])).toEqual([
    ["a", 40, 20],
    ["b", 1200, 240],
  ]);
  expect(frames[0]?.source).toBe(`data:image/png;base64,${small.toString("base64")}`);
  expect(frames[1]?.source).toMatch(/^data:image\/webp;base64,/);
  expect(frames[1]?.source.length).toBeLessThan(large.length);
});
