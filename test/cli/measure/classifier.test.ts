import { join } from "node:path";
import { expect, test } from "vitest";
import { finetune } from "../../../src/index.js";
import { tinyFinetune, writeClasses } from "../../finetune/example.js";
import { lacuna, makePictures, temporaryFolder } from "../terminal.js";

test("what cannot be judged is refused: no held-out pictures, other classes", async () => {
  const folder = temporaryFolder();
  const photos = await writeClasses(join(folder, "photos"), 4);
  const run = join(folder, "run");
  const { data, ...config } = tinyFinetune(photos, { epochs: 1 });
  const { heldOut: _, ...withoutHeldOut } = data;
  {
    await using training = finetune({ ...config, data: withoutHeldOut }, { out: run });
    for await (const _ of training);
  }
  const judge = (...rest: string[]) => lacuna("evaluate", "classifier", run, ...rest);
  expect((await judge()).error).toContain("expected --data or --test, got neither");
  const others = await makePictures(join(folder, "others"), 2);
  expect((await judge("--test", others)).error).toContain(
    "expected those of the run, 3 classes: apple, bee, cat, got no apple, bee, cat; beside them a, b",
  );
});
