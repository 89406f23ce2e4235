/** How a thread's program is started, from compiled code and from sources. */
import { createRequire } from "node:module";
import type { WorkerOptions } from "node:worker_threads";

export interface ThreadEntry {
  readonly file: URL | string;
  readonly options: Pick<WorkerOptions, "execArgv" | "eval">;
}

/**
 * Beside compiled code lies `name.js`. Run from sources (tests, a program under a loader) there is only `name.ts`, which a
 * thread of Node 20 cannot load: a line of CommonJS then loads it through jiti, which recipes need anyway.
 * @param from the caller's `import.meta.url`
 */
export function threadEntry(from: string, name: string): ThreadEntry {
  // Loader flags of this process (a test runner's) are not for the thread.
  const options = { execArgv: [] };
  if (from.endsWith(".js")) return { file: new URL(`${name}.js`, from), options };
  return { file: fromSources(new URL(`${name}.ts`, from).href), options: { ...options, eval: true } };
}

/** A line of CommonJS that runs a program in TypeScript, given by its path or URL. */
export function fromSources(program: string): string {
  const [jiti, entry] = [createRequire(import.meta.url).resolve("jiti"), program].map((text) => JSON.stringify(text));
  // Of the endings that jiti would try for an import in turn sources have this one: trying all takes as long as loading.
  return `require(${jiti}).createJiti(${entry}, { extensions: [".ts"] }).import(${entry});`;
}
