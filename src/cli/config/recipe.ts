/** Recipes: configurations in TypeScript (`export default defineRun({ … })`), JavaScript or JSON. */
import { existsSync, readFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import { UsageError } from "../errors.js";

const programs = new Set([".ts", ".mts", ".js", ".mjs"]);

/** Whether an operand names a recipe, and not pictures. */
export function isRecipe(text: string): boolean {
  return programs.has(extname(text)) || extname(text) === ".json";
}

/** What a recipe says, unchecked. @throws UsageError where it cannot be read or exports no configuration */
export async function loadRecipe(path: string): Promise<Record<string, unknown>> {
  const file = resolve(path);
  if (!existsSync(file)) {
    throw refuse(path, "a recipe", "no such file", "Recipes of published experiments lie in recipes/.");
  }
  const value = extname(file) === ".json" ? parse(path, readFileSync(file, "utf8")) : await run(path, file);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw refuse(path, "a configuration", typeof value, "End it with: export default defineRun({ … })");
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refuse(path, "JSON", (error as Error).message.replace(/\.$/, ""));
  }
}

async function run(path: string, file: string): Promise<unknown> {
  return (await importProgram(path, file))["default"];
}

/** What a program exports, the default too. It is handed lacuna, wherever it lies. @throws UsageError where it cannot be loaded */
export async function importProgram(path: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  if (!existsSync(file)) throw refuse(path, "a program in TypeScript or JavaScript", "no such file");
  const { createJiti } = await import("jiti"); // Node 20 reads no TypeScript
  // Handed over: a program need not lie where the package is installed.
  const options = { virtualModules: await handedOver(), fsCache: false, moduleCache: false };
  const jiti = createJiti(import.meta.url, options);
  try {
    return (await jiti.import(file)) as Record<string, unknown>;
  } catch (error) {
    throw refuse(path, "a module that can be loaded", (error as Error).message.split("\n")[0] ?? "", "Correct it.");
  }
}

/** Every name under which programs import the package, and zod. */
const handed: Readonly<Record<string, () => Promise<unknown>>> = {
  zod: () => import("zod"),
  lacuna: () => import("../../index.js"),
  "lacuna/data": () => import("../../public/data.js"),
  "lacuna/errors": () => import("../../public/errors.js"),
  "lacuna/evaluate": () => import("../../public/evaluate.js"),
  "lacuna/export": () => import("../../public/export.js"),
  "lacuna/formats": () => import("../../public/formats.js"),
  "lacuna/methods": () => import("../../public/methods.js"),
  "lacuna/models": () => import("../../public/models.js"),
  "lacuna/nn": () => import("../../public/nn.js"),
  "lacuna/optim": () => import("../../public/optim.js"),
  "lacuna/plan": () => import("../../public/plan.js"),
  "lacuna/runs": () => import("../../public/runs.js"),
  "lacuna/sweep": () => import("../../public/sweep.js"),
  "lacuna/tensor": () => import("../../public/tensor.js"),
  "lacuna/train": () => import("../../public/train.js"),
};

async function handedOver(): Promise<Record<string, unknown>> {
  const loaded = Object.entries(handed).map(async ([name, load]) => [name, await load()] as const);
  return Object.fromEntries(await Promise.all(loaded));
}

function refuse(path: string, expected: string, actual: string, remedy?: string): UsageError {
  return new UsageError({ code: "recipe", path, expected, actual, ...(remedy === undefined ? {} : { remedy }) });
}
