// Last step: src/ -> dist/, incrementally.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "./process.mjs";
import { SetupError, say, seconds } from "./report.mjs";
import { filesBelow, hashFiles, readJson, writeJson } from "./stamp.mjs";

const stampOf = (root) => join(root, "build", "typescript.json");

function sourcesKey(root) {
  const settings = ["tsconfig.json", "tsconfig.build.json", "package.json"].map((name) => join(root, name));
  const compiler = join(root, "node_modules", "typescript", "package.json");
  return hashFiles(root, [...settings, compiler, ...filesBelow(join(root, "src"), [".ts", ".json"])]);
}

const outputOf = (root, source) =>
  join(root, "dist", source.slice(join(root, "src").length + 1)).replace(/\.ts$/, ".js");

function missingOutputs(root) {
  const sources = filesBelow(join(root, "src"), [".ts"]).filter((source) => !source.endsWith(".d.ts"));
  return sources.map((source) => outputOf(root, source)).filter((output) => !existsSync(output));
}

// What tsc wrote for a source that is gone would still be imported, and published.
function removeOrphans(root) {
  const sources = filesBelow(join(root, "src"), [".ts"]);
  const wanted = new Set(sources.map((source) => outputOf(root, source).replace(/\.js$/, "")));
  for (const output of filesBelow(join(root, "dist"), [".js", ".js.map", ".d.ts"])) {
    if (!wanted.has(output.replace(/(\.js|\.js\.map|\.d\.ts)$/, ""))) rmSync(output);
  }
}

export function typescriptState(root) {
  if (filesBelow(join(root, "src"), [".ts"]).length === 0) return "nothing to build";
  if (missingOutputs(root).length > 0) return "missing";
  return readJson(stampOf(root))?.sources === sourcesKey(root) ? "ready" : "stale";
}

export async function buildTypescript(root) {
  const state = typescriptState(root);
  if (state !== "missing" && state !== "stale") return;
  const started = Date.now();
  // tsc trusts its notes and does not look whether its outputs are still there.
  if (state === "missing") rmSync(join(root, "build", "tsbuildinfo"), { force: true });
  const sources = sourcesKey(root);
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { ok, output } = await run(process.execPath, [tsc, "-p", "tsconfig.build.json", "--pretty", "false"], {
    cwd: root,
  });
  if (!ok) throw new SetupError(`tsc found errors in src/:\n${output.trim()}`);
  removeOrphans(root);
  writeJson(stampOf(root), {
    sources,
    typescript: JSON.parse(readFileSync(join(root, "node_modules", "typescript", "package.json"))).version,
  });
  say(`TypeScript is compiled into dist/ (${seconds(started)})`);
}
