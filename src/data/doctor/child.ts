/** The program of a child process: inspects the files it is sent, one after the other. Started by `inspectors.ts`. */
import { type Inspection, inspectFile } from "./inspect.js";

export interface ChildTask {
  readonly path: string;
  readonly maxPixels: number;
  readonly timeoutMs: number;
  readonly channels: number;
}

export type ChildReport = { readonly ready: true } | { readonly inspection: Inspection };

function report(message: ChildReport): void {
  process.send?.(message);
}

async function work({ path, ...options }: ChildTask): Promise<void> {
  report({ inspection: await inspectFile(path, options) });
}

// An error that is none of the file's ends the process, and the parent names the file.
process.on("message", (task: ChildTask) => void work(task));
// The parent is gone, or wants no more.
process.on("disconnect", () => process.exit());
report({ ready: true });
