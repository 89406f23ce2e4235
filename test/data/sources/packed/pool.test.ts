import { join } from "node:path";
import { expect, test } from "vitest";
import { RecordPool } from "../../../../src/data/sources/packed/pool.js";
import { makePicture, temporaryFolder, writeTree } from "../../pictures.js";

const settings = { format: "pixels", size: 8, channels: 3, quality: 90, maxPixels: 1e6, timeoutMs: 9000 } as const;

test("answers in the order of the questions, with any number of threads", async () => {
  const folder = temporaryFolder();
  const names = Array.from({ length: 7 }, (_, i) => `${i}.png`);
  for (const [i, name] of names.entries())
    writeTree(folder, {
      [name]:
        i === 3
          ? "nothing"
          : await makePicture(i, 9 + 30 * (6 - i), 12)
              .png()
              .toBuffer(),
    });
  const answers = async (workers: number) => {
    const pool = new RecordPool(settings, workers);
    expect(pool.ahead).toBe(2 * workers);
    const made = await Promise.all([...names, "missing.png"].map((name) => pool.make(join(folder, name))));
    await pool.close();
    return made;
  };
  const alone = await answers(0);
  expect(alone.map((made) => ("bad" in made ? made.bad.code : made.record.height))).toEqual([
    ...[8, 8, 8, "unsupported", 8, 8, 10, "missing"],
  ]);
  expect(await answers(2)).toEqual(alone);
});
