/** The table of methods: made from the list in code and from what lies about each of them in the repository. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { methods } from "../../src/methods/index.js";

const read = (...path: string[]): string => readFileSync(join(...path), "utf8");

/** A row for each method: its page, paper and encoders, by what it is checked, recipes and records of trained runs. */
export function methodTable(list: typeof methods): string {
  const recipes = filesNaming("recipes", /\.ts$/);
  const checks = filesNaming("test/reference/configs", /\.json$/);
  const records = recordsOf();
  const links = (found: readonly string[] = [], path: (name: string) => string): string =>
    found.map((name) => `[${name.replace(/\.(ts|json|safetensors)$/, "")}](${path(name)})`).join(", ") || "–";
  const rows = list.names().map((name) => {
    const { title, paper } = ofPage(read("docs/methods", `${name}.md`));
    const { encoders } = list.get(name);
    return [
      `[${title}](${name}.md) (\`${name}\`)`,
      paper,
      encoders.what.replace(/^an? /, ""),
      links(
        checks.get(name) ?? numbersOf(name),
        (file) => `../../test/reference/${file.endsWith(".json") ? "configs/" : ""}${file}`,
      ),
      links(recipes.get(name), (file) => `../../recipes/${file}`),
      links(records.get(name), (folder) => `../../records/${folder}/README.md`),
    ];
  });
  const head = ["method", "paper", "encoder", "steps held to other code", "recipes", "records"];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Reference numbers of a method whose script takes no configuration. */
function numbersOf(name: string): string[] {
  return readdirSync("test/reference").filter((file) => file.startsWith(`${name}-`) && file.endsWith(".safetensors"));
}

/** Its heading and the first link to a paper. @throws TypeError for a page without them */
function ofPage(text: string): { title: string; paper: string } {
  const [, title] = /^# (.*)$/m.exec(text) ?? [];
  const [paper] = /\[arXiv [^\]]*\]\([^)]*\)/.exec(text) ?? [];
  if (title === undefined) throw new TypeError(`no heading in ${text.slice(0, 60)}`);
  return { title, paper: paper ?? "–" };
}

/** Files of a folder by the method that they configure. */
function filesNaming(folder: string, ending: RegExp): Map<string, string[]> {
  const files = readdirSync(folder).filter((file) => ending.test(file));
  return grouped(files.flatMap((file) => namesIn(read(folder, file)).map((name) => [name, file] as const)));
}

/** Records by the methods that their runs had. */
function recordsOf(): Map<string, string[]> {
  const folders = readdirSync("records").filter((folder) => existsSync(join("records", folder, "README.md")));
  const runs = (folder: string): string[] =>
    readdirSync(join("records", folder), { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith("run.json"),
    );
  return grouped(
    folders.flatMap((folder) =>
      [...new Set(runs(folder).flatMap((file) => namesIn(read("records", folder, file))))].map(
        (name) => [name, folder] as const,
      ),
    ),
  );
}

/** The method that a configuration in JSON or TypeScript names; none in one without. */
function namesIn(text: string): string[] {
  const [, name] = /"?\bmethod"?: \{[^}]*?"?\bname"?: "(\w+)"/.exec(text) ?? [];
  return name === undefined ? [] : [name];
}

function grouped(pairs: readonly (readonly [string, string])[]): Map<string, string[]> {
  const map = new Map<string, string[]>();
  for (const [key, value] of pairs) map.set(key, [...(map.get(key) ?? []), value]);
  return map;
}
