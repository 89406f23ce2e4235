import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { liveTensors } from "../../../src/engine/scope.js";
import { openEncoder } from "../../../src/evaluate/features/open-encoder.js";
import { parseNpy } from "../../../src/formats/npy.js";
import { lacuna, temporaryFolder, tinyRun } from "../../cli/terminal.js";
import { workFolder, writePictures } from "../../train/example.js";

const work = workFolder("open-encoder");
afterAll(work.remove);

test("files and bytes give what lacuna embed writes, in any order, and close frees the model", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  const before = liveTensors();
  const out = join(folder, "features.npy");
  expect((await lacuna("embed", run, pictures, "--out", out)).code).toBe(0);
  const { data, shape } = parseNpy(readFileSync(out));
  const written = new Float32Array(new Uint8Array(data).buffer);
  const names = readFileSync(join(folder, "features.names.txt"), "utf8").trimEnd().split("\n");
  expect(shape).toEqual([16, 16]);

  const encoder = await openEncoder(run);
  expect(encoder.width).toBe(16);
  const order = [7, 2, 11];
  const paths = order.map((n) => join(pictures, names[n] as string));
  const rows = await encoder.embed(paths);
  expect(rows.map((row) => row.length)).toEqual([16, 16, 16]);
  for (const [i, n] of order.entries())
    for (const [j, value] of (rows[i] as Float32Array).entries())
      expect(value).toBeCloseTo(written[n * 16 + j] as number, 5);
  expect(await encoder.embed(paths.map((path) => readFileSync(path)))).toEqual(rows);
  expect(await encoder.embed([])).toEqual([]);
  encoder.close();
  expect(liveTensors()).toBe(before);
});

test("more than one batch; a picture that cannot be read is an error that says which", async () => {
  const { run } = await tinyRun(temporaryFolder(), { perClass: 4 });
  const photos = await writePictures(join(work.path, "photos"), 3);
  using encoder = await openEncoder(run);
  const file = join(photos, "001.png");
  const many = await encoder.embed(Array.from({ length: 66 }, () => file));
  expect(many).toHaveLength(66);
  for (const [i, value] of (many[65] as Float32Array).entries())
    expect(value).toBeCloseTo((many[0] as Float32Array)[i] as number, 5);
  await expect(encoder.embed([file, Buffer.from("no picture")])).rejects.toMatchObject({
    code: "unsupported",
    path: "pictures[1]",
  });
  await expect(encoder.embed([join(photos, "none.png")])).rejects.toMatchObject({ code: "missing" });
});

test("nothing to open is an error", async () => {
  await expect(openEncoder("nowhere")).rejects.toThrow("nowhere");
});
