/** Programs that define methods and models of their own: loaded before anything of a command is read. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UsageError } from "../errors.js";
import { importProgram } from "./recipe.js";

const loaded = new Set<string>();

/** The programs that this command loaded: a run names them in its run.json. */
export function loadedPlugins(): string[] {
  return [...loaded];
}

/**
 * Loads the programs that a command line needs: those of `--plugin`, and those that the runs among its operands were trained
 * with. Nothing is loaded where there are none.
 * @throws UsageError for a program that cannot be loaded, or defines nothing
 */
export async function loadPlugins(given: readonly string[], words: readonly string[]): Promise<void> {
  const files = [...new Set([...given.map((path) => resolve(path)), ...words.flatMap(ofRun)])];
  if (files.length === 0) return;
  for (const file of files) loaded.add(file);
  const { registerAll } = await import("../../public/train.js");
  for (const file of files) {
    const exported = await importProgram(file, file);
    if (registerAll(exported).length > 0) continue;
    throw new UsageError({
      code: "plugin",
      path: file,
      expected: "a program that exports a method or a model",
      actual: "none among its exports",
      remedy: "End it with: export default defineMethod({ … })",
    });
  }
}

/** What the run.json of a run folder, or of the run that a checkpoint lies in, names. */
function ofRun(word: string): string[] {
  const path = word.replace(/^--[^=]+=/, "");
  const folders = [path, dirname(dirname(path))];
  const file = folders.map((folder) => join(folder, "run.json")).find((name) => existsSync(name));
  if (file === undefined || !statSync(file).isFile()) return [];
  try {
    const { config } = JSON.parse(readFileSync(file, "utf8")) as { config?: { plugins?: unknown } };
    return Array.isArray(config?.plugins) ? config.plugins.map(String) : [];
  } catch {
    return []; // whoever reads the run says what is wrong with it
  }
}
