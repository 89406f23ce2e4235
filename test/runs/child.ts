import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A process of its own that runs our code. */
export interface Child {
  readonly process: ChildProcess;
  /** The next line it says; "the end" when it says no more. */
  line(): Promise<string>;
  /** Ends it as kill -9 does, and waits until it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts `body`: JavaScript in an async function that has `load(file)`, a module of src/runs, and `say(text)`. An error
 * that it does not catch is said as "error <code>". `unreaped`: as the child of a process that never asks how its
 * children ended, so that it stays a zombie when it is killed.
 */
export function startChild(body: string, options: { readonly unreaped?: boolean } = {}): Child {
  const jiti = createRequire(import.meta.url).resolve("jiti"); // Node 20 reads no TypeScript
  const runs = fileURLToPath(new URL("../../src/runs/", import.meta.url));
  const source = `
    const jiti = require(${JSON.stringify(jiti)}).createJiti(${JSON.stringify(runs)}, { extensions: [".ts"] });
    const load = (file) => jiti.import(${JSON.stringify(runs)} + file);
    const say = (text) => process.stdout.write(text + "\\n");
    (async () => { ${body} })().catch((error) => say("error " + (error.code ?? error)));`;
  const direct = [process.execPath, "-e", source];
  const behind = ["sh", "-c", '"$@" & exec sleep 60', "sh", ...direct];
  const [program, ...values] = (options.unreaped === true ? behind : direct) as [string, ...string[]];
  const child = spawn(program, values, { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    process: child,
    line: async () => {
      const { value, done } = await lines.next();
      return done === true ? "the end" : value;
    },
    kill: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
}
