// After TypeScript: page/src -> page/dist, what `lacuna export --page` copies. Under a second, and only when it changed.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { run } from "./process.mjs";
import { SetupError, say, seconds } from "./report.mjs";
import { filesBelow, hashFiles, readJson, writeJson } from "./stamp.mjs";

const stampOf = (root) => join(root, "build", "page.json");

// What the page is made of; of src/ it has pure functions on pixels and random numbers alone.
function sourcesKey(root) {
  const page = join(root, "page");
  const settings = ["package.json", "tsconfig.json", "vite.config.ts", "index.html"].map((name) => join(page, name));
  const packages = ["vite", "preact", "onnxruntime-web"].map((name) =>
    join(root, "node_modules", name, "package.json"),
  );
  const own = [...filesBelow(join(page, "src"), [".ts", ".tsx", ".css"]), ...filesBelow(join(page, "public"), [""])];
  const shared = filesBelow(join(root, "src", "data"), [".ts"]);
  return hashFiles(
    root,
    [...settings, ...packages, ...own, ...shared].filter((file) => existsSync(file)),
  );
}

/** "ready", "missing", "stale"; "ready" too where the page came built with the package. */
export function pageState(root) {
  const isBuilt = existsSync(join(root, "page", "dist", "index.html"));
  if (!existsSync(join(root, "page", "src"))) return isBuilt ? "ready" : "missing";
  if (!isBuilt) return "missing";
  return readJson(stampOf(root))?.sources === sourcesKey(root) ? "ready" : "stale";
}

export async function buildPage(root) {
  if (pageState(root) === "ready") return;
  const started = Date.now();
  const sources = sourcesKey(root);
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  const { ok, output } = await run(process.execPath, [vite, "build", "page", "--logLevel", "warn"], { cwd: root });
  if (!ok) throw new SetupError(`Vite could not build page/:\n${output.trim()}`);
  writeJson(stampOf(root), { sources });
  say(`the page is built into page/dist/ (${seconds(started)})`);
}
