// `npm run check`: types, format and lint, typed lint, import rules, unused code, and our own rules. Prints each
// one's time, and in full what failed. `node tools/check.mjs words mirror` runs only those.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inParallel, run } from "./setup/process.mjs";

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const bin = (name) => join(root, "node_modules", ".bin", name);
const own = (name) => [process.execPath, join(root, "tools", "check", `${name}.mjs`)];

// The longest first, so that the end is not spent waiting for one. At most two at a time: eslint and tsc take 1 GB each.
const checks = [
  { name: "eslint", what: "five typed rules", command: [bin("eslint"), "."] },
  { name: "types", what: "tsc, sources and tests", command: [bin("tsc"), "--noEmit", "--pretty", "false"] },
  {
    name: "page",
    what: "tsc, the browser's side",
    command: [bin("tsc"), "-p", "page", "--noEmit", "--pretty", "false"],
  },
  {
    name: "imports",
    what: "who may import whom",
    command: [bin("depcruise"), "--config", ".dependency-cruiser.cjs", "src", "page/src"],
  },
  {
    name: "unused",
    what: "files, exports, dependencies",
    command: [bin("knip"), "--no-progress", "--no-config-hints"],
  },
  { name: "biome", what: "format and lint", command: [bin("biome"), "check", "--max-diagnostics=100", "."] },
  { name: "budgets", what: "lines and entries", command: own("budgets") },
  { name: "mirror", what: "a test for each source", command: own("mirror") },
  { name: "shapes", what: "a shape line for each forward", command: own("forward-shapes") },
  { name: "docstrings", what: "a sentence for each export", command: own("docstrings") },
  { name: "reference", what: "typedoc, links and parameters", command: [bin("typedoc"), "--emit", "none"] },
  { name: "names", what: "no method by its name", command: own("names") },
  { name: "words", what: "no machine, no registry", command: own("words") },
];

async function runCheck(check) {
  const started = Date.now();
  const [command, ...args] = check.command;
  const result = await run(command, args, { cwd: root });
  return { ...check, ...result, seconds: (Date.now() - started) / 1000 };
}

function selected(names) {
  const unknown = names.find((name) => !checks.some((check) => check.name === name));
  if (!unknown) return names.length > 0 ? checks.filter((check) => names.includes(check.name)) : checks;
  process.stderr.write(`check: there is no ${unknown}; there are ${checks.map(({ name }) => name).join(", ")}\n`);
  process.exit(2);
}

const results = [];
const started = Date.now();
const tasks = selected(process.argv.slice(2)).map((check) => async () => void results.push(await runCheck(check)));
await inParallel(tasks, Math.min(2, availableParallelism()));

const failed = results.filter(({ ok }) => !ok);
for (const { name, output } of failed) process.stdout.write(`\n── ${name} ──\n${output.trim()}\n`);
process.stdout.write("\n");
for (const { name, what, ok, seconds } of results.sort((a, b) => b.seconds - a.seconds)) {
  process.stdout.write(
    `${ok ? "pass" : "FAIL"}  ${name.padEnd(10)} ${`${seconds.toFixed(1)} s`.padStart(7)}  ${what}\n`,
  );
}
const passed = results.length - failed.length;
process.stdout.write(
  `check: ${passed} of ${results.length} passed in ${((Date.now() - started) / 1000).toFixed(1)} s\n`,
);
process.exitCode = failed.length > 0 ? 1 : 0;
