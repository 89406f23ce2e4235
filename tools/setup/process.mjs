// Child processes as set-up needs them: output collected or passed through, never a hidden failure.
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Runs a command to its end. `inherit` passes its output through; otherwise stdout and stderr come back as one text. */
export function run(command, args, { inherit = false, env = process.env, cwd } = {}) {
  return new Promise((resolve) => {
    const stdio = inherit ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"];
    const child = spawn(command, args, { stdio, env, cwd });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.on("error", (error) => resolve({ ok: false, output: `${command}: ${error.message}` }));
    child.on("close", (status, signal) => {
      resolve({ ok: status === 0, output: signal ? `${output}\n${command} was ended by ${signal}` : output });
    });
  });
}

/** The trimmed standard output of a short command, or undefined when it is missing or fails. */
export function answer(command, args) {
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return status === 0 ? stdout.trim() : undefined;
}

export function onPath(name) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => folder && existsSync(join(folder, name)));
}

/** Runs the tasks, at most `width` at a time; the first error stops what has not begun. */
export async function inParallel(tasks, width) {
  const waiting = [...tasks];
  const worker = async () => {
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      try {
        await task();
      } catch (error) {
        waiting.length = 0;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(width, tasks.length) }, worker));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
}
