import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSource } from "../../../src/data/source.js";
import { classifyAll, likeliestClasses, type PictureClassifier } from "../../../src/evaluate/classifier/classify.js";
import { makePictures, temporaryFolder } from "../../cli/terminal.js";

/** Says how red the middle is, and how blue. */
const byColour: PictureClassifier = {
  classes: ["red", "blue"],
  view: [
    { type: "resize", size: 8 },
    { type: "centerCrop", size: [8, 8] },
  ],
  config: { seed: 0, data: { channels: 3, maxPixels: 1e6, colour: "converted", jpeg: "accurate" } },
  probabilities({ data, height, width, channels }) {
    const size = height * width * channels;
    return Float32Array.from(
      { length: (2 * data.length) / size },
      (_, i) => (data[(i >> 1) * size + 2 * (i & 1)] as number) / 255,
    );
  },
};

test("in the order of the source; an unreadable one is left out and told, and nothing stands for it", async () => {
  const folder = await makePictures(join(temporaryFolder(), "pictures"), 5);
  writeFileSync(join(folder, "a", "2.png"), "no picture");
  const source = await openSource({ kind: "folder", path: folder });
  const shares: number[] = [];
  const { pictures, skipped } = await classifyAll(byColour, source, {
    batchSize: 4,
    onBatch: (share) => shares.push(share),
  });
  expect(pictures.map(({ sample }) => sample)).toEqual([0, 1, 3, 4, 5, 6, 7, 8, 9]);
  expect(pictures.map(({ label }) => label)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1]);
  expect(skipped).toEqual([{ path: join(folder, "a", "2.png"), reason: expect.stringContaining("no picture format") }]);
  expect(shares).toEqual([0.4, 0.8, 1]);
});

test("the likeliest first, of equal ones the lower; one at least", () => {
  const names = ["a", "b", "c"];
  const values = Float32Array.of(0.25, 0.5, 0.25);
  expect(likeliestClasses(values, names, 2)).toEqual([
    { name: "b", probability: 0.5 },
    { name: "a", probability: 0.25 },
  ]);
  expect(likeliestClasses(values, names, 0)).toHaveLength(1);
});
