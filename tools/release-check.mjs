// `npm run release:check`: whether this commit can be released. Its version stands in CHANGELOG, the tarball has what it needs,
// nothing is uncommitted, and the documents are true (their tests, and the package installed as a stranger would).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isProgram } from "./check/tree.mjs";
import { answer, run } from "./setup/process.mjs";

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** What stands in the way in CHANGELOG.md: the version's own heading with a date, first, and nothing unreleased. */
export function changelogProblems(text, version) {
  const [, first = ""] = /^## (.*)$/m.exec(text) ?? [];
  if (first === "Unreleased") return [`CHANGELOG.md: "Unreleased" is the first heading; name it ${version} (<date>)`];
  if (/^\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)$/.test(first) && first.startsWith(`${version} `)) return [];
  return [
    `CHANGELOG.md: the first heading is "${first}"; package.json says ${version}, so "${version} (<date>)" is expected`,
  ];
}

const topLevel = "CHANGELOG.md LICENSE README.md dist docs examples native package.json page recipes tools".split(" ");
const needed = [
  "dist/index.js dist/index.d.ts dist/cli/main.js page/dist/index.html tools/setup.mjs tools/setup/unpack.py",
  "native/dispatch.cc native/pixels/jpeg.cc recipes/references/mae-cifar10-reference.json docs/methods/mocoV3.md",
].flatMap((names) => names.split(" "));
const forbidden = /\.map$|^page\/(?!dist\/)|^tools\/(?!setup)|\.test\./;

/** What a tarball with these paths lacks, or has too much of. */
export function contentsProblems(paths) {
  const folders = [...new Set(paths.map((path) => path.split("/")[0]))];
  return [
    ...topLevel.filter((name) => !folders.includes(name)).map((name) => `tarball: ${name} is missing`),
    ...needed.filter((name) => !paths.includes(name)).map((name) => `tarball: ${name} is missing`),
    ...folders.filter((name) => !topLevel.includes(name)).map((name) => `tarball: ${name} does not belong in it`),
    ...paths.filter((path) => forbidden.test(path)).map((path) => `tarball: ${path} does not belong in it`),
  ];
}

/** What `git status --porcelain` reports. */
export function treeProblems(status) {
  return status
    .split("\n")
    .filter(Boolean)
    .map((line) => `not committed: ${line.trim()}`);
}

/** The paths that a tarball of this folder would have. */
export function tarballPaths() {
  const packed = JSON.parse(answer("npm", ["pack", "--dry-run", "--ignore-scripts", "--json"]) ?? "[]");
  return Object.values(packed).flatMap(({ files }) => files.map(({ path }) => path));
}

async function main() {
  process.chdir(root);
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  const problems = [
    ...changelogProblems(readFileSync("CHANGELOG.md", "utf8"), version),
    ...contentsProblems(tarballPaths()),
    ...treeProblems(answer("git", ["status", "--porcelain"]) ?? "git status failed"),
  ];
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const tests = await run(process.execPath, [vitest, "run", "test/docs", "test/examples", "test/package.test.ts"]);
  if (!tests.ok) problems.push(`documents and package: their tests fail\n${tests.output.trim()}`);
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  process.stdout.write(problems.length === 0 ? `release: ${version} is ready\n` : `release: ${version} is not ready\n`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

if (isProgram(import.meta)) await main();
