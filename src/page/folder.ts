/** A page as a folder: the built files, the model, the examples and page.json, which comes last. */

import { cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checked } from "../checked.js";
import { onDisk } from "../runs/errors.js";
import { makeFolder, writeAtomic } from "../runs/write-atomic.js";
import { descriptionFile, type PageDescription, pageDescription } from "./description.js";
import { PageError } from "./errors.js";

/** Where `npm run build:page` leaves what every page is made of. */
const built = fileURLToPath(new URL("../../page/dist/", import.meta.url));

/** What a page needs beside the built site: page.json and the files that it names. */
export interface PageParts {
  readonly description: PageDescription;
  /** By their paths in the folder; what the description names must be among them. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Writes a page. It is made whole in a folder inside `out`, then put in the place of an earlier one, which stays as it was where
 * the disk is full or something else stops it; while they are exchanged the folder holds none.
 * @throws PageError "folder-not-empty" where the folder holds something else, "not-built"; ConfigError for a wrong description;
 * FileError
 */
export function writePage(out: string, { description, files }: PageParts): void {
  const page = checked(pageDescription, description, "description");
  if (!existsSync(join(built, "index.html"))) {
    const remedy = "Run: npm run build:page";
    const detail = { code: "not-built", path: built, expected: "index.html", actual: "none", remedy } as const;
    throw new PageError({ problem: "the page is not built.", ...detail });
  }
  checkRoom(out);
  makeFolder(out);
  const making = onDisk(out, () => mkdtempSync(join(out, ".making-")));
  try {
    onDisk(out, () => cpSync(built, making, { recursive: true }));
    for (const [path, bytes] of files) {
      makeFolder(dirname(join(making, path)));
      writeAtomic(join(making, path), bytes);
    }
    exchange(making, out);
    writeAtomic(join(out, descriptionFile), `${JSON.stringify(page)}\n`);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

/** Whether `writePage` may write here. @throws PageError "folder-not-empty" */
export function checkRoom(out: string): void {
  if (!existsSync(out) || existsSync(join(out, descriptionFile))) return;
  const [first] = readdirSync(out);
  if (first === undefined) return;
  throw new PageError({
    problem: "this folder holds something that is no page.",
    code: "folder-not-empty",
    path: out,
    expected: "no such folder, an empty one, or an earlier page",
    actual: first,
    remedy: "Name another folder.",
  });
}

/** Puts what was made in the place of what is there. */
function exchange(making: string, out: string): void {
  onDisk(out, () => {
    rmSync(join(out, descriptionFile), { force: true });
    for (const part of ["assets", "ort", "examples"]) rmSync(join(out, part), { recursive: true, force: true });
    for (const name of readdirSync(making)) {
      rmSync(join(out, name), { recursive: true, force: true });
      renameSync(join(making, name), join(out, name));
    }
  });
}
