/** Ctrl-C, SIGTERM and a terminal that goes away: the first lets a run save itself, a later one ends the process at once. */
import { isatty } from "node:tty";
import { exitCodes } from "../errors.js";

/** npm passes a terminal's Ctrl-C on to its child, which has had it already: within this time it is the same one. */
const sameSignalMs = 1000;

const codes = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated, SIGHUP: exitCodes.hungUp } as const;
type Name = keyof typeof codes;

export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
  /** Set once a signal came. */
  readonly exitCode: number | undefined;
}

/**
 * Listens until disposed. @param onFirst told once
 * @param hasTerminal without one (nohup, a service) a hang-up is nobody's wish: the run goes on
 */
export function listenForSignals(
  onFirst: (name: Name) => void,
  hasTerminal: () => boolean = () => [0, 1, 2].some((descriptor) => isatty(descriptor)),
): Interruption {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const onTerminal = hasTerminal(); // asked now: afterwards it is gone
  const handlers = (Object.keys(codes) as Name[]).map((name) => {
    const handler = (): void => {
      if (exitCode !== undefined || (name === "SIGHUP" && !onTerminal)) return;
      exitCode = codes[name];
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
