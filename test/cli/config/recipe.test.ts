import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isRecipe, loadRecipe } from "../../../src/cli/config/recipe.js";
import { parseConfig, resolveFinetune } from "../../../src/public/train.js";
import { temporaryFolder } from "../terminal.js";

const recipes = ["mae-vit-base-16", "mae-vit-large-16", "mae-cifar10-reference", "own-photos-5k", "mae-fashion-mnist"];

test("a recipe is told from pictures by its ending", () => {
  expect(["a.ts", "b.json", "c.mjs"].every(isRecipe)).toBe(true);
  expect(["photos", "list.txt", "cifar10"].some(isRecipe)).toBe(false);
});

describe("the recipes of this repository", () => {
  test.each(recipes)("%s is a valid configuration", async (name) => {
    const path = new URL(`../../../recipes/${name}.ts`, import.meta.url).pathname;
    expect(() => parseConfig(undefined)).toThrow();
    expect(parseConfig(await loadRecipe(path)).method.name).toBe("mae");
  });
});

test("the recipe for fine-tuning is a valid configuration", async () => {
  const path = new URL("../../../recipes/finetune-cifar10.ts", import.meta.url).pathname;
  const config = resolveFinetune((await loadRecipe(path)) as unknown as Parameters<typeof resolveFinetune>[0]);
  expect(config).toMatchObject({
    task: "finetune",
    data: { labels: { perClass: 100 } },
    augmentation: { smoothing: 0.1 },
  });
});

describe("loadRecipe", () => {
  test("TypeScript and JSON", async () => {
    const folder = temporaryFolder();
    writeFileSync(
      join(folder, "a.ts"),
      'import { defineRun } from "lacuna";\nexport default defineRun({ epochs: 2 as number } as never);',
    );
    writeFileSync(join(folder, "a.json"), '{"epochs": 3}');
    expect(await loadRecipe(join(folder, "a.ts"))).toEqual({ epochs: 2 });
    expect(await loadRecipe(join(folder, "a.json"))).toEqual({ epochs: 3 });
  });

  test("a program has every part of the package under its name", async () => {
    const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: Record<string, unknown> };
    const parts = Object.keys(exports).filter((part) => part !== "./package.json");
    const lines = parts.map((part, i) => `import * as p${i} from "${part.replace(".", "lacuna")}";`);
    const counts = parts.map((_, i) => `Object.keys(p${i}).length > 0`).join(", ");
    const file = join(temporaryFolder(), "all.ts");
    writeFileSync(file, `${lines.join("\n")}\nexport default { all: [${counts}] };`);
    expect(await loadRecipe(file)).toEqual({ all: parts.map(() => true) });
  });

  test("says what is wrong with one that cannot be used", async () => {
    const folder = temporaryFolder();
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    await expect(loadRecipe(join(folder, "none.ts"))).rejects.toThrow(/no such file/);
    await expect(loadRecipe(write("bad.json", "{"))).rejects.toThrow(/expected JSON/);
    await expect(loadRecipe(write("number.json", "3"))).rejects.toThrow(/expected a configuration, got number/);
    await expect(loadRecipe(write("throws.ts", 'throw new Error("my reason")'))).rejects.toThrow(/my reason/);
  });
});
