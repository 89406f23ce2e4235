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

/** The package by the names under which programs import it, and zod. */
async function handedOver(): Promise<Record<string, unknown>> {
  const parts = {
    data: await import("../../public/data.js"),
    errors: await import("../../public/errors.js"),
    evaluate: await import("../../public/evaluate.js"),
    export: await import("../../public/export.js"),
    formats: await import("../../public/formats.js"),
    methods: await import("../../public/methods.js"),
    models: await import("../../public/models.js"),
    nn: await import("../../public/nn.js"),
    optim: await import("../../public/optim.js"),
    plan: await import("../../public/plan.js"),
    runs: await import("../../public/runs.js"),
    sweep: await import("../../public/sweep.js"),
  };
  const named = Object.entries(parts).map(([name, part]) => [`lacuna/${name}`, part] as const);
  return { lacuna: await import("../../index.js"), zod: await import("zod"), ...Object.fromEntries(named) };
}

function refuse(path: string, expected: string, actual: string, remedy?: string): UsageError {
  return new UsageError({ code: "recipe", path, expected, actual, ...(remedy === undefined ? {} : { remedy }) });
}
