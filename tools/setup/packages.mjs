// Step 1: npm packages as package-lock.json has them.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./process.mjs";
import { SetupError, say, seconds } from "./report.mjs";
import { hash, readJson, writeJson } from "./stamp.mjs";

const stampOf = (root) => join(root, "node_modules", ".lacuna-setup.json");

/** Whether what npm noted as installed is what the lock file asks for; packages for other systems may be absent. */
export function matchesLock(lock, installed) {
  const have = installed?.packages;
  if (!have) return false;
  const wanted = Object.entries(lock.packages ?? {}).filter(([path]) => path !== "");
  const right = wanted.every(([path, entry]) => {
    if (!have[path]) return Boolean(entry.optional || entry.devOptional || entry.peer);
    return have[path].version === entry.version && have[path].integrity === entry.integrity;
  });
  return right && Object.keys(have).every((path) => lock.packages[path]);
}

/** "ready", "missing" or "stale" */
export function packagesState(root) {
  const lockFile = join(root, "package-lock.json");
  if (!existsSync(lockFile)) return "ready"; // an installed package: npm has brought its dependencies
  if (!existsSync(join(root, "node_modules"))) return "missing";
  const text = readFileSync(lockFile);
  const key = hash(text);
  if (readJson(stampOf(root))?.lock === key) return "ready";
  // Somebody ran `npm ci` or `npm install` by hand: no reason to do it again.
  if (!matchesLock(JSON.parse(text), readJson(join(root, "node_modules", ".package-lock.json")))) return "stale";
  writeJson(stampOf(root), { lock: key });
  return "ready";
}

/** The environment of `npm run` describes the outer command; the inner npm must not take it for its own. */
export function innerEnvironment(environment) {
  const mine =
    /^(npm_(lifecycle_|package_|command$|config_local_prefix$|config_omit$|config_only$)|INIT_CWD$|NODE_ENV$)/i;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !mine.test(name)));
}

function failure(output) {
  if (output.includes("can only install packages when")) {
    const missing = output.split("\n").filter((line) => /(Missing|Invalid): /.test(line));
    return new SetupError(
      `npm ci failed: package-lock.json does not fit package.json.\n${missing.join("\n")}`,
      "Run: git checkout package-lock.json    or, when you changed package.json: npm install",
    );
  }
  return new SetupError(
    `npm ci failed:\n${output.trim()}`,
    "Is the network there (npm ping)? Then run the same command again.",
  );
}

export async function installPackages(root) {
  const state = packagesState(root);
  if (state === "ready") return;
  const started = Date.now();
  say(`npm packages are ${state}: npm ci (about 380 packages, 440 MB on disk)`);
  const cli = process.env.npm_execpath;
  const [command, first] = cli?.endsWith("npm-cli.js") ? [process.execPath, [cli]] : ["npm", []];
  const args = [...first, "ci", "--include=dev", "--include=optional"];
  const inherit = process.stdout.isTTY === true; // npm's own progress
  // Tests use onnxruntime's CPU library, which is in its package; by itself it would fetch that of GPUs as well.
  const env = { ...innerEnvironment(process.env), ONNXRUNTIME_NODE_INSTALL: "skip" };
  const { ok, output } = await run(command, args, { cwd: root, env, inherit });
  if (!ok) throw failure(output);
  writeJson(stampOf(root), { lock: hash(readFileSync(join(root, "package-lock.json"))) });
  say(`npm packages are installed (${seconds(started)})`);
}
