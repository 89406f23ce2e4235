import { join } from "node:path";
import { expect, test } from "vitest";
import { byNeighbours, byProbe } from "../../../src/cli/measure/by-labels.js";
import { loadModel, openSource } from "../../../src/index.js";
import { makePictures, temporaryFolder, tinyRun } from "../terminal.js";

test("what classifies is said in words and for JSON", async () => {
  const folder = temporaryFolder();
  const { run } = await tinyRun(folder);
  const labelled = await openSource({ kind: "folder", path: await makePictures(join(folder, "labels"), 4) });
  using model = loadModel(run);
  const nearest = await byNeighbours(model, labelled, () => {}, 3);
  expect(nearest).toMatchObject({
    said: "by the 3 nearest of 8 labelled pictures",
    warnings: [],
    by: { labelled: 8, k: 3 },
  });
  nearest.close();
  const { said, by, warnings } = await byProbe(model, labelled, () => {});
  expect(said).toMatch(/^by the linear probe of 8 labelled pictures \(penalty [\de.-]+\)$/);
  expect(by).toEqual({ labelled: 8, l2: expect.any(Number) });
  expect(warnings).toEqual([]);
});
