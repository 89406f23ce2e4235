// Processes that only keep a core busy: how a bench behaves beside other work.
import { spawn } from "node:child_process";

/** Starts so many. @returns ends them */
export function keepBusy(count) {
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, ["--eval", "for (;;);"], { stdio: "ignore" }),
  );
  return () => {
    for (const child of children) child.kill("SIGKILL");
  };
}
