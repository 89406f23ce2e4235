import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSource } from "../../../src/data/source.js";
import { embedSource, ownRows } from "../../../src/evaluate/features/embed.js";
import { openEncoder } from "../../../src/evaluate/features/open-encoder.js";
import { parseNpy } from "../../../src/formats/npy.js";
import { temporaryFolder, tinyRun } from "../../cli/terminal.js";

test("rows are what openEncoder gives for each picture; one that cannot be read is left out and told", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  writeFileSync(join(pictures, "a", "1.png"), "no picture");
  using encoder = await openEncoder(run);
  const source = await openSource({ kind: "folder", path: pictures });
  const path = join(folder, "features.npy");
  const shares: number[] = [];
  const made = await embedSource(encoder.model, source, path, { batchSize: 5, onBatch: (share) => shares.push(share) });
  expect(made).toMatchObject({ pictures: 15, dimensions: 16, files: [path, join(folder, "features.names.txt")] });
  expect(made.skipped).toEqual([{ path: join(pictures, "a", "1.png"), reason: expect.any(String) }]);
  expect(shares).toEqual([5 / 16, 10 / 16, 15 / 16, 1]);
  const names = readFileSync(join(folder, "features.names.txt"), "utf8").trimEnd().split("\n");
  const expected = await encoder.embed(names.map((name) => join(pictures, name)));
  const rows = new Float32Array(new Uint8Array(parseNpy(readFileSync(path)).data).buffer);
  for (const [i, value] of rows.entries()) expect(value).toBeCloseTo(expected[i >> 4]?.[i & 15] as number, 5);
});

test("a picture that stands for another is no row", () => {
  expect(ownRows({ samples: Int32Array.of(4, 5, 4, 7) }, 4)).toEqual([0, 1, 3]);
});
