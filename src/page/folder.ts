/** A page as a folder: the built files, the model, the examples and page.json, which comes last. */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { descriptionFile, type PageDescription, pageDescription } from "./description.js";
import { PageError } from "./errors.js";

/** Where `npm run build:page` leaves what every page is made of. */
const built = fileURLToPath(new URL("../../page/dist/", import.meta.url));

export interface PageParts {
  readonly description: PageDescription;
  /** By their paths in the folder; what the description names must be among them. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Writes a page. A page that is there already is replaced; while it is being written the folder holds none.
 * @throws PageError "folder-not-empty" where the folder holds something else, "not-built"; ZodError for a wrong description
 */
export function writePage(out: string, { description, files }: PageParts): void {
  const checked = pageDescription.parse(description);
  if (!existsSync(join(built, "index.html"))) {
    const remedy = "Run: npm run build:page";
    const detail = { code: "not-built", path: built, expected: "index.html", actual: "none", remedy } as const;
    throw new PageError("the page is not built.", detail);
  }
  makeRoom(out);
  cpSync(built, out, { recursive: true });
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(out, path)), { recursive: true });
    writeFileSync(join(out, path), bytes);
  }
  writeFileSync(join(out, descriptionFile), `${JSON.stringify(checked)}\n`);
}

/** Whether `writePage` may write here. @throws PageError "folder-not-empty" */
export function checkRoom(out: string): void {
  if (!existsSync(out) || existsSync(join(out, descriptionFile))) return;
  const [first] = readdirSync(out);
  if (first === undefined) return;
  throw new PageError("this folder holds something that is no page.", {
    code: "folder-not-empty",
    path: out,
    expected: "no such folder, an empty one, or an earlier page",
    actual: first,
    remedy: "Name another folder.",
  });
}

function makeRoom(out: string): void {
  checkRoom(out);
  rmSync(join(out, descriptionFile), { force: true });
  for (const part of ["assets", "ort", "examples"]) rmSync(join(out, part), { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
}
