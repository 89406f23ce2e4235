import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { configKeys, type JsonSchema } from "../../src/cli/config/keys.js";
import { methods } from "../../src/methods/index.js";
import { methodTable } from "./table.js";

const folder = "docs/methods";

/** The keys of a method's config as a table: their descriptions, what they take, their defaults. */
function optionTable(name: string): string {
  const keys = configKeys(z.toJSONSchema(methods.get(name).config, { io: "input" }) as JsonSchema);
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const rows = keys
    .filter(({ path }) => path !== "name" && path !== "tokenizer.name")
    .map(({ path, takes, default: value, description = "" }) => {
      const shown = value === undefined ? "" : `\`${JSON.stringify(value).replaceAll('"', "")}\``;
      return `| \`${path}\` | ${cell(takes.join(" or "))} | ${shown} | ${cell(description)} |`;
    });
  return ["| `method.` | takes | default | |", "|---|---|---|---|", ...rows].join("\n");
}

/** After a change of a schema: `npx vitest run test/docs --update`. */
test.each(methods.names())("%s has a page, whose options are those of its schema", async (name) => {
  const path = join(folder, `${name}.md`);
  const text = readFileSync(path, "utf8");
  expect(text.match(/^## .*$/gm)).toEqual([
    "## Idea",
    "## Key components",
    "## Options",
    "## Good to know",
    "## Reference",
  ]);
  const block = `<!-- options: ${name} -->\n${optionTable(name)}\n<!-- /options -->`;
  const whole = text.replace(new RegExp(`<!-- options: ${name} -->\n[\\s\\S]*?<!-- /options -->`), () => block);
  expect(whole).toContain(block);
  await expect(whole).toMatchFileSnapshot(resolve(path));
});

/** After a method, recipe, check or record was added: `npx vitest run test/docs --update`. */
test("the table has every method, with what lies about it; the README names them all", async () => {
  const path = join(folder, "README.md");
  const block = `<!-- methods -->\n${methodTable(methods)}\n<!-- /methods -->`;
  const whole = readFileSync(path, "utf8").replace(/<!-- methods -->\n[\s\S]*?<!-- \/methods -->/, () => block);
  expect(whole).toContain(block);
  await expect(whole).toMatchFileSnapshot(resolve(path));
  const readme = readFileSync("README.md", "utf8");
  for (const name of methods.names()) expect(readme).toContain(`(docs/methods/${name}.md)`);
  expect(readme).toMatch(new RegExp(`^\\| methods +\\| ${methods.names().length} `, "m"));
});

test("files that the pages link to exist", () => {
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), "utf8");
    for (const [, link = ""] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      expect([file, link, existsSync(join(folder, link))]).toEqual([file, link, true]);
  }
});
