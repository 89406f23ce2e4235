import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openSource } from "../../../src/data/source.js";
import { crashedPictures } from "../../../src/train/loop/crashed-pictures.js";
import { workFolder, writePictures } from "../example.js";

const work = workFolder("crashed");
afterAll(work.remove);

test("a picture noted when a run was killed is innocent if a process of its own can decode it, or finds it broken", async () => {
  const photos = await writePictures(join(work.path, "photos"), 2);
  writeFileSync(join(photos, "broken.png"), "not a picture");
  const notes = join(work.path, "decoding");
  mkdirSync(notes);
  writeFileSync(join(notes, "worker-0"), `${join(photos, "001.png")}\n`);
  writeFileSync(join(notes, "worker-1"), `${join(photos, "broken.png")}\n`);
  const source = await openSource({ kind: "folder", path: photos });
  expect(await crashedPictures(notes, source, { maxPixels: 1e6 })).toEqual([]);
});

test("without notes nothing is tried", async () => {
  const source = await openSource({ kind: "folder", path: await writePictures(join(work.path, "others"), 1) });
  expect(await crashedPictures(join(work.path, "nowhere"), source, { maxPixels: 1e6 })).toEqual([]);
});

test("one that takes its process down is left out, by its number in the source", async () => {
  const photos = await writePictures(join(work.path, "deadly"), 3);
  const notes = join(work.path, "deadly-notes");
  mkdirSync(notes);
  writeFileSync(join(notes, "worker-0"), `${join(photos, "002.png")}\n`);
  const program = join(work.path, "dies.mjs");
  writeFileSync(
    program,
    'process.on("message", () => process.kill(process.pid, "SIGSEGV")); process.send({ ready: true });',
  );
  const source = await openSource({ kind: "folder", path: photos });
  const found = await crashedPictures(notes, source, { maxPixels: 1e6, program });
  expect(found).toEqual([
    {
      sample: 2,
      path: join(photos, "002.png"),
      code: "crashed",
      reason: expect.stringContaining("SIGSEGV") as unknown,
    },
  ]);
});
