import { readdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { pretrain } from "../../../src/train/pretrain.js";
import { collect, tinyRun, workFolder, writePictures } from "../example.js";

const work = workFolder("previews");
afterAll(work.remove);

test("pictures are drawn when due, always of the same pictures, and at the end", async () => {
  const photos = await writePictures(join(work.path, "photos"), 16);
  const out = join(work.path, "run");
  const events = await collect(
    pretrain(tinyRun(photos, { epochs: 2, log: { previewSeconds: 0.001, previewPictures: 2 } }), { out }),
  );
  const files = readdirSync(join(out, "previews"));
  const told = events.flatMap((event) => (event.type === "preview" ? [event.path] : []));
  expect(told.map((path) => path.slice("previews/".length))).toEqual(files);
  expect(files.at(-1)).toBe("step-00000004.png");
  expect(files.length).toBeGreaterThanOrEqual(2);
  const originals = await Promise.all(
    files.map((file) =>
      sharp(join(out, "previews", file))
        .extract({ left: 8, top: 26, width: 112, height: 112 })
        .raw()
        .toBuffer(),
    ),
  );
  for (const pixels of originals) expect(pixels.equals(originals[0] as Buffer)).toBe(true);
  expect(new Set(originals[0]).size).toBeGreaterThan(10); // a picture, not a surface
});
