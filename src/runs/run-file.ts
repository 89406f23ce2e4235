import { readFileSync } from "node:fs";
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
      throw new RunError({ ...detail, actual: code === "ENOENT" ? "none there" : "a file" }, { cause });
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
