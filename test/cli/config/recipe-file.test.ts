import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadRecipe } from "../../../src/cli/config/recipe.js";
import { checkRecipeFile, recipeText } from "../../../src/cli/config/recipe-file.js";
import { temporaryFolder } from "../terminal.js";

const config = {
  epochs: 20,
  model: { name: "vit", patchSize: [8, 4], width: undefined },
  data: { source: { kind: "folder", path: '/a "b"/*/c' }, mean: [0.5, 0.25], "odd-key": true },
};
const note = { file: "mine.ts", source: "photos*/x", pictures: 12, measured: 11 };

test("what is written is what is read back, whatever the paths hold", async () => {
  const file = join(temporaryFolder(), "mine.ts");
  const text = recipeText(config as never, note);
  writeFileSync(file, text);
  expect(await loadRecipe(file)).toEqual(JSON.parse(JSON.stringify(config)));
  expect(text).toContain(
    "Chosen for 12 pictures in photos*_/x: mean and deviation of each channel were measured on 11",
  );
  expect(text).toContain("npx lacuna pretrain mine.ts");
  expect(text).toContain('  model: {\n    name: "vit",\n    patchSize: [8, 4],\n  },\n');
  expect(text).toContain('    "odd-key": true,');
});

test("another ending is refused, and so is a file that is there, unless it may be replaced", () => {
  const file = join(temporaryFolder(), "mine.ts");
  checkRecipeFile(file, false);
  writeFileSync(file, "");
  expect(() => checkRecipeFile(file, false)).toThrow("expected a new file, got one that is there. Give another name");
  checkRecipeFile(file, true);
  expect(() => checkRecipeFile("mine.json", false)).toThrow('expected a file ending in .ts, got ".json"');
});
