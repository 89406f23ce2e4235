/** Which file of a folder an address means: one inside it, whatever the address, the links and the rest of the disk say. */
import { realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";

/**
 * @param root the folder's real path
 * @param url of a request, its query included
 * @returns the file's path from the root, links resolved, and its bytes; undefined for what is no file inside: links that lead out or nowhere,
 *   folders, pipes, hidden names
 */
export async function fileInside(root: string, url: string): Promise<{ path: string; size: number } | undefined> {
  const parts = partsOf(url);
  if (parts === undefined) return undefined;
  try {
    const real = await realpath(join(root, ...parts));
    const path = relative(root, real);
    if (isAbsolute(path) || !path.split(sep).every(isPlain)) return undefined;
    const found = await stat(real);
    return found.isFile() ? { path, size: found.size } : undefined;
  } catch {
    return undefined; // gone, forbidden, a link to itself, a name that is too long
  }
}

/** `/examples/1.png?x` -> `examples`, `1.png`; `/` is index.html. */
function partsOf(url: string): string[] | undefined {
  const path = url.split(/[?#]/, 1)[0] ?? "";
  if (!path.startsWith("/")) return undefined;
  if (path === "/") return ["index.html"];
  try {
    const parts = decodeURIComponent(path.slice(1)).split("/");
    return parts.every(isPlain) ? parts : undefined;
  } catch {
    return undefined; // % and something that is no number
  }
}

/** Neither empty nor hidden, nor the folder above. */
function isPlain(part: string): boolean {
  return part !== "" && !part.startsWith(".") && !part.includes("\0") && !part.includes("\\");
}
