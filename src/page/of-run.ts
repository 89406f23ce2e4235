import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { descriptionFile } from "./description.js";

/** Where a run's page is. */
export interface RunPage {
  /** `page` in the run's folder; a page that was written elsewhere is its own. */
  readonly folder: string;
  /** False where it is not made yet, or is older than the run's newest weights: make it with `makePage` and `writePage`. */
  readonly isCurrent: boolean;
}

/** The page of a run folder, or a page itself, which is always current; undefined for a folder that is neither. */
export function pageOf(path: string): RunPage | undefined {
  if (existsSync(join(path, descriptionFile))) return { folder: path, isCurrent: true };
  const newest = newestWeights(path);
  if (newest === undefined) return undefined;
  const folder = join(path, "page");
  const made = statSync(join(folder, descriptionFile), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return { folder, isCurrent: made >= newest };
}

/** When a run's newest checkpoint was written, in milliseconds. */
function newestWeights(run: string): number | undefined {
  const folder = join(run, "checkpoints");
  if (!existsSync(folder)) return undefined;
  const times = readdirSync(folder)
    .filter((name) => name.endsWith(".safetensors"))
    .flatMap((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? []); // a link may lead nowhere
  return times.length === 0 ? undefined : Math.max(...times);
}
