/** Threads that make records ahead of the writer, in the order in which they are asked for. */

import { Worker } from "node:worker_threads";
import { workerFailed } from "../../errors.js";
import { threadEntry } from "../../loader/entry.js";
import { type Made, make, type RecordSettings } from "./record.js";

interface Thread {
  readonly worker: Worker;
  /** Settles when what it was given last is made. */
  busy: Promise<Made>;
}

/** With 0 workers the calling thread makes them, when it asks. */
export class RecordPool {
  readonly #settings: RecordSettings;
  readonly #threads: readonly Thread[];
  #next = 0;

  constructor(settings: RecordSettings, workers: number) {
    this.#settings = settings;
    this.#threads = Array.from({ length: workers }, () => {
      const { file, options } = threadEntry(import.meta.url, "./worker");
      const worker = new Worker(file, { ...options, workerData: settings });
      worker.setMaxListeners(0);
      return { worker, busy: Promise.resolve({ bad: { code: "missing", reason: "" } } as const) };
    });
  }

  /** How many to ask for ahead: each thread has one waiting behind the one that it makes. */
  get ahead(): number {
    return 2 * this.#threads.length;
  }

  /** Threads take turns, so that each gives its answers in the order of its questions. */
  make(path: string): Promise<Made> {
    const thread = this.#threads[this.#next++ % Math.max(1, this.#threads.length)];
    if (thread === undefined) return make(path, this.#settings);
    thread.busy = thread.busy.then(() => answerOf(thread.worker, path));
    thread.busy.catch(() => {}); // whoever asked gets the error
    return thread.busy;
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }
}

function answerOf(worker: Worker, path: string): Promise<Made> {
  return new Promise((resolve, reject) => {
    const ended = (code: number): void => reject(workerFailed(path, `one that ended with ${code}`));
    const settle = (): void => {
      worker.off("message", done).off("error", failed).off("exit", ended);
    };
    const done = (made: Made): void => {
      settle();
      resolve(made);
    };
    const failed = (error: Error): void => {
      settle();
      reject(error);
    };
    worker.on("message", done).on("error", failed).on("exit", ended);
    worker.postMessage(path);
  });
}
