import { existsSync } from "node:fs";
import { join } from "node:path";

/** `runs/<name>-<date>`, with a number behind it where that is taken. */
export function defaultRunFolder(name: string, now: Date, exists: (path: string) => boolean = existsSync): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const safe = name.replaceAll(/[^\w.-]+/g, "-").replace(/^[-.]+|[-.]+$/g, "") || "run";
  const base = join("runs", `${safe}-${day}-${two(now.getHours())}${two(now.getMinutes())}`);
  for (let n = 1; ; n++) {
    const folder = n === 1 ? base : `${base}-${n}`;
    if (!exists(folder)) return folder;
  }
}
