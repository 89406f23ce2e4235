// Set-up: whatever is missing of npm packages, libtorch, the addon, dist/ and page/dist/. Called by the pre… scripts, so it runs
// before node_modules exists and imports nothing but Node; and by `lacuna setup`. A second time it only compares stamps.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addonState, buildAddon, stampPath } from "./setup/addon.mjs";
import { fetchLibtorch } from "./setup/download.mjs";
import { cachedLibtorch, cacheFolder, findLibtorch } from "./setup/libtorch.mjs";
import { withLock } from "./setup/lock.mjs";
import { installPackages, packagesState } from "./setup/packages.mjs";
import { buildPage, pageState } from "./setup/page.mjs";
import { checkGlibc, checkPip, checkPlatform, findCompiler } from "./setup/platform.mjs";
import { SetupError, say } from "./setup/report.mjs";
import { readJson } from "./setup/stamp.mjs";
import { buildTypescript, typescriptState } from "./setup/typescript.mjs";

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

const help = `npx lacuna setup [--status]    in the repository also: npm run setup

Brings what is missing: npm packages, libtorch (into the cache folder), the addon, dist/, page/dist/.
  --status         print what is there, change nothing
  LACUNA_LIBTORCH  a folder with lib/ and include/ to use instead (libtorch 2.11 or newer)
  LACUNA_CACHE     the cache folder (default: $XDG_CACHE_HOME/lacuna or ~/.cache/lacuna)
`;

function chosen() {
  return findLibtorch(readJson(stampPath(root))?.libtorch);
}

function status() {
  const libtorch = chosen();
  const packages = packagesState(root);
  const addon = libtorch && packages !== "missing" ? addonState(root, libtorch) : "missing";
  const lines = [
    ["node", process.versions.node],
    ["npm packages", packages],
    ["libtorch", libtorch ? describe(libtorch) : `not here (would be fetched into ${cachedLibtorch()})`],
    ["addon", addon],
    ["dist", typescriptState(root)],
    ["page", pageState(root)],
    ["cache", cacheFolder()],
  ];
  for (const [name, value] of lines) process.stdout.write(`${name.padEnd(14)}${value}\n`);
}

function describe({ version, cuda, from, folder }) {
  return `${version}${cuda ? " with CUDA" : ""}, from ${from}: ${folder}`;
}

// All that can be known to be missing is said before the first long download.
function checkPrerequisites(libtorch) {
  if (libtorch && existsReady(libtorch)) return;
  checkGlibc();
  findCompiler();
  if (!libtorch) checkPip();
}

function existsReady(libtorch) {
  return packagesState(root) === "ready" && addonState(root, libtorch) === "ready";
}

async function libtorchOrFetch(found) {
  if (found) return found;
  await withLock(cacheFolder(), "libtorch", async () => {
    if (!chosen()) await fetchLibtorch(); // another clone may have brought it while we waited
  });
  return chosen();
}

function announce(libtorch) {
  say(`libtorch ${describe(libtorch)}`);
  if (libtorch.gpu && libtorch.cuda) say("an NVIDIA GPU is here, and this libtorch can use it");
  if (libtorch.gpu && !libtorch.cuda) {
    say("an NVIDIA GPU is here, but this libtorch is for the CPU. For the GPU: pip install torch, then set up again");
  }
}

async function setUp() {
  const found = chosen();
  checkPrerequisites(found);
  await installPackages(root);
  const libtorch = await libtorchOrFetch(found);
  if (addonState(root, libtorch) !== "ready") announce(libtorch);
  await buildAddon(root, libtorch);
  await buildTypescript(root);
  await buildPage(root);
}

async function main(args) {
  if (args.includes("--help")) return void process.stdout.write(help);
  const unknown = args.find((argument) => argument !== "--status");
  if (unknown) throw new SetupError(`Unknown argument ${unknown}.`, "Try --help.");
  checkPlatform();
  if (args.includes("--status")) return status();
  await withLock(join(root, "build"), "this folder", setUp);
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`\nsetup: ${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exitCode = 1;
});
