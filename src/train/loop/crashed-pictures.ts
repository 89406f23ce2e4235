import { resolve } from "node:path";
import { isBad } from "../../data/doctor/inspect.js";
import { inspectFiles } from "../../data/doctor/inspectors.js";
import { notedPaths } from "../../data/loader/notes.js";
import type { Source } from "../../data/source.js";

/** A picture that takes its decoder down. */
export interface CrashedPicture {
  readonly sample: number;
  readonly path: string;
  readonly code: string;
  readonly reason: string;
}

/**
 * The pictures that were being decoded when a run died, tried again, each in a process of its own: those that take that
 * process down or hang are not to be decoded here. All others are innocent, and skipping them would change the run.
 */
export async function crashedPictures(
  noteFolder: string,
  source: Source,
  limits: { maxPixels: number; program?: string },
): Promise<CrashedPicture[]> {
  const { content } = source;
  if (content.kind !== "files") return [];
  const noted = [...new Set(notedPaths(noteFolder).map((path) => resolve(content.root, path)))];
  const found: CrashedPicture[] = [];
  await inspectFiles(
    noted,
    {
      maxPixels: limits.maxPixels,
      ...(limits.program === undefined ? {} : { program: limits.program }),
      timeoutMs: 60_000,
      processes: 1,
    },
    (index, inspection) => {
      const path = noted[index] ?? "";
      if (!isBad(inspection) || !["crashed", "timeout"].includes(inspection.code)) return;
      const sample = content.paths.findIndex((name) => resolve(content.root, name) === path);
      if (sample >= 0) found.push({ sample, path, code: inspection.code, reason: inspection.reason });
    },
  );
  return found;
}
