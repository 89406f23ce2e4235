/** Ctrl-C and SIGTERM: the first one lets a run save itself, a later one ends the process at once. */
import { exitCodes } from "../errors.js";

/** npm passes a terminal's Ctrl-C on to its child, which has had it already: within this time it is the same one. */
const sameSignalMs = 1000;

export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
  /** Set once a signal came. */
  readonly exitCode: number | undefined;
}

/** Listens until disposed. @param onFirst told once */
export function listenForSignals(onFirst: (name: "SIGINT" | "SIGTERM") => void): Interruption {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const handlers = (["SIGINT", "SIGTERM"] as const).map((name) => {
    const handler = (): void => {
      if (exitCode !== undefined) return;
      exitCode = name === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated;
      controller.abort();
      onFirst(name);
      // From then on the system's own handling: it ends the process also in the middle of a step.
      setTimeout(remove, sameSignalMs).unref();
    };
    process.on(name, handler);
    return { name, handler };
  });
  const remove = (): void => {
    for (const { name, handler } of handlers) process.removeListener(name, handler);
  };
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]: remove,
  };
}
