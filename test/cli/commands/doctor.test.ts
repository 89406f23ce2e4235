import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadRecipe } from "../../../src/cli/config/recipe.js";
import { cacheFolder } from "../../../src/data/sources/cache.js";
import { parseConfig } from "../../../src/public/train.js";
import { lacuna, makePictures, temporaryFolder } from "../terminal.js";

test("the exit code tells: 3 where something wants a look, 4 where a run would stop", async () => {
  const pictures = await makePictures(join(temporaryFolder(), "pictures"), 10);
  const few = await lacuna("doctor", pictures); // twenty pictures: too few, and nothing else
  expect(few).toMatchObject({ code: 3, out: expect.stringContaining("only 20 pictures") });
  for (let i = 0; i < 5; i++) {
    const path = join(pictures, "a", `${i}.png`);
    writeFileSync(path, readFileSync(path).subarray(0, 100));
  }
  const { code, out } = await lacuna("doctor", pictures, "--json");
  expect(code).toBe(4);
  expect(JSON.parse(out)).toMatchObject({ status: "bad", pictures: 20, usable: 15 });
});

test("a recipe is written with the pictures' own mean and deviation, and is one; mistakes are told at once", async () => {
  const folder = temporaryFolder();
  const pictures = await makePictures(join(folder, "pictures"), 10);
  const recipe = join(folder, "mine.ts");
  const { code, out } = await lacuna("doctor", pictures, "--write-recipe", recipe, "--json");
  expect(code).toBe(3);
  const { statistics } = JSON.parse(out);
  const { data } = parseConfig(await loadRecipe(recipe));
  expect(data.source).toMatchObject({ kind: "folder", path: pictures });
  expect(data.mean).toEqual(statistics.mean.map((value: number) => Number(value.toFixed(4))));
  expect(data.std).toEqual(statistics.deviation.map((value: number) => Number(value.toFixed(4))));
  const again = await lacuna("doctor", pictures, "--write-recipe", recipe);
  expect(again).toMatchObject({ code: 2, error: expect.stringContaining("expected a new file") });
  expect((await lacuna("doctor", pictures, "--write-recipe", recipe, "--overwrite")).out).toContain(
    `Recipe: ${recipe}`,
  );
  const four = await lacuna("doctor", pictures, "--channels", "4", "--json");
  expect(JSON.parse(four.out).statistics.mean).toHaveLength(4);
});

test("of the machine: cores, memory, libtorch and where it is, device, cache", async () => {
  const { code, out } = await lacuna("doctor", "--json");
  expect(code).toBe(0);
  const { machine, versions, engine, cache } = JSON.parse(out);
  expect(machine.cores).toBeGreaterThan(0);
  expect(versions.node).toBe(process.versions.node);
  expect(engine.version).toMatch(/^\d+\.\d+/);
  expect(engine.folder).toMatch(/^\//);
  expect(cache.folder).toBe(cacheFolder());
  expect((await lacuna("doctor")).out).toContain(engine.folder);
});
