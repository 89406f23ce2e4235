// Nothing in the repository may depend on the machine it was written on: no home folder, no checkout path, no host of
// a package registry (a clone may have its own mirror).
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { words } from "./exceptions.mjs";
import { finish, isProgram, repositoryFiles, withoutExceptions } from "./tree.mjs";

// Written in two halves, or this file would find itself.
const hosts = ["registry.npm" + "js.org", "registry.yarn" + "pkg.com", "py" + "pi.org", "files.python" + "hosted.org"];

function literally(text) {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** The pattern of what may not be written, for a machine with this checkout and this home folder. */
export function forbidden({ root, home, registries }) {
  const mirrors = registries.filter(Boolean).map((address) => new URL(address).host);
  const folders = [root, home].filter((folder) => folder.split("/").length > 1 && folder.length > 1);
  const paths = [...folders.map(literally), "/home/[a-z][\\w-]*", "/Users/[A-Za-z][\\w-]*"];
  // A path begins where nothing of a longer path stands before it, and names something below.
  const path = `(?<![\\w./-])(?:${paths.join("|")})/\\w`;
  const host = `(?<![\\w-])(?:${[...hosts, ...mirrors].map(literally).join("|")})(?![\\w-])`;
  return new RegExp(`${path}|${host}`, "g");
}

/** All forbidden words of a text, with their lines. */
export function findWords(file, text, pattern) {
  return text.split("\n").flatMap((line, index) =>
    [...line.matchAll(pattern)].map(([word]) => ({
      key: `${file}: ${word}`,
      text: `${file}:${index + 1} says ${word}`,
    })),
  );
}

function settings() {
  const { npm_config_registry: npm, PIP_INDEX_URL: pip } = process.env;
  return { root: process.cwd(), home: homedir(), registries: [npm, pip] };
}

if (isProgram(import.meta)) {
  const pattern = forbidden(settings());
  const findings = repositoryFiles(process.cwd()).flatMap((file) => {
    const bytes = readFileSync(join(process.cwd(), file));
    return bytes.subarray(0, 8192).includes(0) ? [] : findWords(file, bytes.toString("utf8"), pattern);
  });
  finish(
    withoutExceptions(findings, words),
    "Say it without the machine; or enter it in tools/check/exceptions.mjs with a reason.",
  );
}
