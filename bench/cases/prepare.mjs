// Files that all sides of a comparison load, written by processes of their own: the driver itself loads no libtorch.
import { join } from "node:path";
import { run } from "../../tools/setup/process.mjs";
import { BenchError } from "../peer.mjs";

const bench = join(import.meta.dirname, "..");

/**
 * @typedef {object} Context
 * @property {import("./index.mjs").Case} settings
 * @property {string} folder for this comparison alone, removed after it
 * @property {string} python
 * @property {string | undefined} pictures a folder of JPEG files instead of our own
 * @property {(line: string) => void} say
 * @property {(script: string, args: readonly string[]) => Promise<void>} runNode of bench/workers/prepare
 * @property {(script: string, args: readonly string[]) => Promise<void>} runPython of bench/pytorch
 * @property {(args: readonly string[]) => Promise<void>} runLacuna a command
 */

async function finish(what, command, args) {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1" };
  const { ok, output } = await run(command, args, { env });
  if (!ok) throw new BenchError(`${what} failed:\n${output.trim().slice(-3000)}`);
}

/** @param {Pick<Context, "settings" | "folder" | "python" | "pictures" | "say">} parts @returns {Context} */
export function contextOf(parts) {
  return {
    ...parts,
    runNode: (script, args) => finish(script, process.execPath, [join(bench, "workers", "prepare", script), ...args]),
    runLacuna: (args) =>
      finish(`lacuna ${args[0]}`, process.execPath, [join(bench, "..", "dist", "cli", "main.js"), ...args]),
    runPython: (script, args) => finish(script, parts.python, [join(bench, "pytorch", script), ...args]),
  };
}

/** One script of bench/workers/prepare, told the case, that writes one file. */
export function preparedBy(script, file, more = {}) {
  return async ({ settings, folder, runNode }) => {
    const inputs = join(folder, file);
    await runNode(script, [JSON.stringify({ ...settings, ...more }), inputs]);
    return { inputs };
  };
}
