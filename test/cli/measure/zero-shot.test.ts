import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lacuna, makePictures, temporaryFolder, tinyFlags } from "../terminal.js";

test("a run that has learned from class names names pictures, and finds captions of a table", async () => {
  const folder = temporaryFolder();
  const photos = await makePictures(join(folder, "photos"), 8);
  const run = join(folder, "run");
  const tiny = tinyFlags.filter((flag) => !flag.startsWith("--method.decoder"));
  const text = ["--method.text.width=16", "--method.text.depth=1", "--method.text.heads=2"];
  const trained = await lacuna("pretrain", photos, ...tiny, "--method.name=flip", ...text, "--epochs=1", "--out", run);
  expect(trained.out).toContain('made of the class names: "a photo of a a."');
  const named = await lacuna(
    "evaluate",
    "zero-shot",
    run,
    "--data",
    photos,
    "--template",
    "a photo of a {}.",
    "it is {}",
  );
  expect(named.out).toMatch(/16 pictures of 2 classes: top-1 [\d.]+ %/);
  const table = join(photos, "pairs.csv");
  writeFileSync(table, "path,caption\na/0.png,one\nb/0.png,another\n");
  const found = await lacuna("evaluate", "retrieval", run, "--data", table, "--json");
  expect(JSON.parse(found.out)).toMatchObject({ pairs: 2, rows: [{ k: 1 }, { k: 5, imageToText: 1 }, { k: 10 }] });
  const shard = join(folder, "pairs.tar");
  writeFileSync(join(photos, "a", "0.txt"), "one");
  execFileSync("tar", ["-cf", shard, "-C", photos, "a/0.png", "a/0.txt", "b/0.png"]); // one picture has no caption
  const packed = await lacuna("evaluate", "retrieval", run, "--data", shard);
  expect(packed.out).toContain("1 pairs; by chance the nearest is right in 100.0 %.");
  const without = await lacuna("evaluate", "retrieval", run, "--data", photos);
  expect(without.error).toContain("expected captions, got none. Write a table (.csv, .tsv, .jsonl)");
});
