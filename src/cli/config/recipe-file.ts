/** A configuration written down as a recipe, to be read, changed and run. */
import { existsSync } from "node:fs";
import { extname } from "node:path";
import type { RunConfigInput } from "../../index.js";
import { UsageError } from "../errors.js";

/** What the recipe says of itself. */
export interface RecipeNote {
  /** The recipe's own file, for the line that runs it. */
  readonly file: string;
  readonly source: string;
  readonly pictures: number;
  /** Pictures that mean and deviation were measured on. */
  readonly measured: number;
}

/** @throws UsageError for another ending than a recipe's, or a file that is there already */
export function checkRecipeFile(file: string, overwrite: boolean): void {
  const refuse = (expected: string, actual: string, remedy: string): never => {
    throw new UsageError({ code: "recipe-file", path: file, expected, actual, remedy });
  };
  if (extname(file) !== ".ts") refuse("a file ending in .ts", `"${extname(file)}"`, "Call it recipe.ts, for example.");
  if (existsSync(file) && !overwrite) refuse("a new file", "one that is there", "Give another name, or --overwrite.");
}

/** TypeScript that `lacuna pretrain` takes. */
export function recipeText(config: RunConfigInput, { file, source, pictures, measured }: RecipeNote): string {
  const safe = (text: string): string => text.replaceAll("*/", "*_/"); // a path must not end the comment
  return [
    "/**",
    ` * Chosen for ${pictures} pictures in ${safe(source)}: mean and deviation of each channel were measured on ${measured} of them,`,
    " * the rest follows from their sizes and from the machine. Written by `lacuna doctor`; change what you know better.",
    " *",
    ` *   npx lacuna pretrain ${safe(file)}`,
    " */",
    'import { defineRun } from "lacuna";',
    "",
    `export default defineRun(${literal(config)});`,
    "",
  ].join("\n");
}

/** As a person would write it: keys without quotes, short lists on one line. */
function literal(value: unknown, indent = ""): string {
  if (Array.isArray(value)) return `[${value.map((item) => literal(item, indent)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  const lines = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(
      ([key, item]) => `${inner}${/^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key)}: ${literal(item, inner)},`,
    );
  return lines.length === 0 ? "{}" : `{\n${lines.join("\n")}\n${indent}}`;
}
