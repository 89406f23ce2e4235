/** Child processes that inspect files: a crash or a hang of a decoder takes down one of them, and names the file. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { DataError } from "../errors.js";
import { fromSources } from "../loader/entry.js";
import type { ChildReport, ChildTask } from "./child.js";
import type { Inspection } from "./inspect.js";

export interface InspectOptions {
  readonly maxPixels: number;
  /** How pictures are decoded; 3 unless said. */
  readonly channels?: number;
  readonly timeoutMs: number;
  /** How many files at a time. */
  readonly processes: number;
  readonly signal?: AbortSignal | undefined;
  /** The children's program; tests hand in others. */
  readonly program?: string;
}

/** What a child gets beyond the decoder's own limit before it is ended. */
const GRACE_MS = 2000;
/** A child that has not said "ready" by now never will; generous, for a machine under load. */
const START_MS = 60_000;

/**
 * Inspects files and hands over each result with the file's index, in no particular order; a rejected hand-over ends all.
 * At most `processes` files are held at a time.
 * @throws DataError child-process, when children cannot be started; the signal's reason
 */
export async function inspectFiles(
  paths: readonly string[],
  options: InspectOptions,
  handOver: (index: number, inspection: Inspection) => void,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    let child: Inspector | undefined;
    try {
      for (let index = next++; index < paths.length; index = next++) {
        options.signal?.throwIfAborted();
        child ??= await Inspector.start(options);
        const inspection = await child.inspect(paths[index] as string);
        if (!child.usable) {
          child.end();
          child = undefined;
        }
        handOver(index, inspection);
      }
    } catch (error) {
      next = paths.length; // the other lanes stop at their next file
      throw error;
    } finally {
      child?.end();
    }
  };
  const lanes = Array.from({ length: Math.max(1, Math.min(options.processes, paths.length)) }, lane);
  const results = await Promise.allSettled(lanes);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

type Answer = ChildReport | { readonly ended: string } | { readonly late: true };

/** One child process. */
class Inspector {
  readonly #process: ChildProcess;
  readonly #options: InspectOptions;
  #answer: (answer: Answer) => void = () => {};
  #ended: string | undefined;
  /** False after a hang or a crash: start another one. */
  usable = true;

  private constructor(options: InspectOptions) {
    this.#options = options;
    this.#process = startProgram(options.program);
    this.#process.on("message", (message: ChildReport) => this.#answer(message));
    this.#process.on("error", (error) => this.#end(error.message));
    this.#process.on("exit", (status, signal) => this.#end(signal ?? `status ${status}`));
  }

  static async start(options: InspectOptions): Promise<Inspector> {
    const inspector = new Inspector(options);
    const answer = await inspector.#next(START_MS);
    if ("ready" in answer) return inspector;
    inspector.end();
    throw new DataError({
      code: "child-process",
      path: "doctor",
      expected: "a process that inspects pictures",
      actual: "ended" in answer ? `its end (${answer.ended})` : `nothing for ${START_MS / 1000} s`,
      remedy: "Pictures are decoded in processes of their own; free memory or processes and try again.",
    });
  }

  async inspect(path: string): Promise<Inspection> {
    const { maxPixels, timeoutMs, channels = 3 } = this.#options;
    const task: ChildTask = { path, maxPixels, timeoutMs, channels };
    const waiting = this.#next(timeoutMs + GRACE_MS);
    if (this.#process.connected) this.#process.send(task);
    const answer = await waiting;
    if ("inspection" in answer) {
      const { inspection } = answer;
      // After a time-out the child's native thread may still be at work.
      if ("code" in inspection && inspection.code === "timeout") this.usable = false;
      return inspection;
    }
    this.usable = false;
    if ("ended" in answer) return { code: "crashed", reason: `the decoding process ended with ${answer.ended}` };
    return { code: "timeout", reason: `no answer from the decoding process within ${timeoutMs + GRACE_MS} ms` };
  }

  end(): void {
    this.usable = false;
    this.#process.kill("SIGKILL");
  }

  #next(timeoutMs: number): Promise<Answer> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve({ late: true }), timeoutMs);
      this.#answer = (answer) => {
        clearTimeout(timer);
        resolve(answer);
      };
      if (this.#ended !== undefined) this.#answer({ ended: this.#ended });
    });
  }

  #end(how: string): void {
    this.#ended ??= how;
    this.#answer({ ended: how });
  }
}

/**
 * Starts a child. From sources (tests) its program is TypeScript, which Node 20 cannot load: a line of CommonJS then loads
 * it through jiti, as the loader does with its threads.
 */
function startProgram(program: string | undefined): ChildProcess {
  const compiled = import.meta.url.endsWith(".js");
  const file = program ?? fileURLToPath(new URL(compiled ? "./child.js" : "./child.ts", import.meta.url));
  const start = file.endsWith(".ts") ? ["-e", fromSources(file)] : [file];
  // What libraries write about broken pictures belongs to no report.
  return spawn(process.execPath, start, { stdio: ["ignore", "ignore", "ignore", "ipc"], serialization: "json" });
}
