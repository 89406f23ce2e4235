import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import type { Add } from "../options.js";

interface Options {
  readonly status?: boolean;
}

/** `lacuna setup`: what an installed package still lacks, libtorch and the compiled addon. The work is that of tools/setup.mjs. */
export function setupCommand(program: Command, add: Add): void {
  const command = program
    .command("setup")
    .summary("fetch libtorch and compile the addon, where they are missing")
    .description(
      "Needed once after npm install. Finds libtorch (LACUNA_LIBTORCH, the cache folder, an installed torch) or fetches it " +
        "with pip, 0.54 GB, and compiles the addon with your C++ compiler, a minute or two. What another project has compiled " +
        "from the same sources is taken from the cache folder.",
    )
    .option("--status", "print what is there, change nothing");
  add<Options>(command, async (report, _operands, { status }) => {
    const program = fileURLToPath(new URL("../../../tools/setup.mjs", import.meta.url));
    const code = await run([program, ...(status === true ? ["--status"] : [])], report.json);
    if (code === 0 && status !== true) report.result({ ready: true }, () => report.line("Lacuna is ready."));
    return code;
  });
}

/** Runs a program of Node, its lines on the terminal as they come. @returns its exit code */
function run(parameters: readonly string[], linesToStderr: boolean): Promise<number> {
  const child = spawn(process.execPath, parameters, { stdio: ["ignore", linesToStderr ? 2 : "inherit", "inherit"] });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}
