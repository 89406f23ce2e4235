/** The program of a child process: inspects the files it is sent, one after the other. Started by `inspectors.ts`. */
import { type Inspection, inspectFile } from "./inspect.js";

export interface ChildTask {
  readonly path: string;
  readonly maxPixels: number;
  readonly timeoutMs: number;
}

export type ChildReport = { readonly ready: true } | { readonly inspection: Inspection };

function report(message: ChildReport): void {
  process.send?.(message);
}

process.on("message", async ({ path, ...options }: ChildTask) => {
  report({ inspection: await inspectFile(path, options) });
});
// The parent is gone, or wants no more.
process.on("disconnect", () => process.exit());
report({ ready: true });
