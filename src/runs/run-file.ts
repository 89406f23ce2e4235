import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { onDisk, RunError, systemCode } from "./errors.js";
import { parseRun, type RunFile, runFileName } from "./schema.js";

/** Reads the run.json of a folder. @throws RunError "not-a-run", "newer-format", "bad-run-file", "system" */
export function readRunFile(folder: string): RunFile {
  const path = join(folder, runFileName);
  return onDisk(path, () => {
    try {
      return parseRun(readFileSync(path, "utf8"), path);
    } catch (cause) {
      const code = systemCode(cause);
      if (code !== "ENOENT" && code !== "ENOTDIR") throw cause;
      const detail = { code: "not-a-run", path: folder, expected: `a run folder, with ${runFileName}` } as const;
      throw new RunError({ ...detail, actual: code === "ENOENT" ? "none there" : "a file", cause });
    }
  });
}

/** Whether a folder holds a run of this or any other version, whole enough to be known for one. */
export function isRunFolder(folder: string): boolean {
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, runFileName), "utf8"));
    return typeof value === "object" && value !== null && "formatVersion" in value && "config" in value;
  } catch {
    return false;
  }
}

/**
 * The folder itself where it holds a run, else those directly in it that do, by name with numbers in their order.
 * @throws RunError "not-a-run" where there is none, "system"
 */
export function runFoldersIn(folder: string): string[] {
  const holdsRun = (path: string): boolean => existsSync(join(path, runFileName));
  if (holdsRun(folder)) return [folder];
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  const names = isFolder ? onDisk(folder, () => readdirSync(folder)) : [];
  const found = names.map((name) => join(folder, name)).filter(holdsRun);
  if (found.length > 0) return found.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  throw new RunError({
    code: "not-a-run",
    path: folder,
    expected: `a run folder, with ${runFileName}, or a folder of such`,
    actual: isFolder ? "none there" : existsSync(folder) ? "a file" : "nothing there",
  });
}
