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
  const jiti = createRequire(import.meta.url).resolve("jiti");
  const entry = new URL(`${name}.ts`, from).href;
  const boot = `require(${JSON.stringify(jiti)}).createJiti(${JSON.stringify(entry)}).import(${JSON.stringify(entry)});`;
  return { file: boot, options: { ...options, eval: true } };
}
