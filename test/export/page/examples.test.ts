import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { readExamples } from "../../../src/export/page/examples.js";
import { loadModel } from "../../../src/index.js";
import { temporaryFolder, tinyRun } from "../../cli/terminal.js";

test("pictures as the model sees them, by lot and always the same; what cannot be read is left out", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder());
  writeFileSync(join(pictures, "a", "broken.png"), "no picture");
  using model = loadModel(run, { device: "cpu" });
  const examples = { kind: "folder", path: pictures } as const;
  const all = await readExamples(model, examples, 100);
  expect([all.height, all.width, all.channels, all.names.length]).toEqual([32, 32, 3, 16]);
  expect(all.names).not.toContain("broken.png");
  const few = await readExamples(model, examples, 4);
  expect(await readExamples(model, examples, 4)).toEqual(few);
  const [name = ""] = few.names;
  expect(name).toMatch(/^[ab] ?.*\.png$/);
  expect(few.data.subarray(0, 3072)).toEqual(all.data.subarray(0, 3072)); // both begin with the same lot
});

test("a source without one readable picture is an error", async () => {
  const folder = temporaryFolder();
  const { run } = await tinyRun(folder);
  const path = temporaryFolder();
  await sharp({ create: { width: 4, height: 4, channels: 3, background: "red" } }).toFile(join(path, "0.png"));
  writeFileSync(join(path, "0.png"), "no picture");
  using model = loadModel(run, { device: "cpu" });
  await expect(readExamples(model, { kind: "folder", path }, 1)).rejects.toThrow();
});
