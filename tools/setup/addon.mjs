// Step 3: native/*.cc -> build/lacuna.node and native/pixels/*.cc -> build/pixels.node, only what changed.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { keepAddons, keptAddons } from "./addon-cache.mjs";
import { findCompiler } from "./platform.mjs";
import { inParallel, run } from "./process.mjs";
import { SetupError, say, seconds } from "./report.mjs";
import { filesBelow, hash, hashFiles, readJson, writeJson } from "./stamp.mjs";

const bytesPerCompiler = 2 ** 31; // a file with libtorch's headers takes 1 to 2 GB to compile

export const stampPath = (root) => join(root, "build", "lacuna.json");
const addonPath = (root, name) => join(root, "build", `${name}.node`);
const notesPath = (root) => join(root, "build", "native", "objects.json");

const sourcesOf = (root) => filesBelow(join(root, "native"), [".cc"]);
const isOfPixels = (root, source) => relative(join(root, "native"), source).startsWith("pixels/");
const nativeKey = (root) => hashFiles(root, filesBelow(join(root, "native"), [".cc", ".h"]));

/** Flags as lists. The old RPATH and not RUNPATH: only the former is used for what libtorch_cpu.so itself asks for. */
export function flagsFor(libtorch, napiHeaders) {
  const include = join(libtorch.folder, "include");
  const lib = join(libtorch.folder, "lib");
  const compile = ["-std=c++20", "-O2", "-fPIC", "-D_GLIBCXX_USE_CXX11_ABI=1", "-DNAPI_VERSION=8", "-Wall"];
  // libtorch's own threads: the functions of OpenMP are not linked, for they come with libtorch, under whatever name it has them.
  compile.push("-fopenmp");
  compile.push("-DNDEBUG"); // as libtorch itself: some of its headers' classes have members only without it
  if (libtorch.cuda) compile.push("-DLACUNA_CUDA=1");
  for (const folder of [include, join(include, "torch/csrc/api/include"), napiHeaders])
    compile.push("-isystem", folder);
  const link = ["-shared", `-L${lib}`, "-ltorch_cpu", "-lc10", `-Wl,--disable-new-dtags,-rpath,${lib}`];
  // Nothing of libtorch_cuda.so is called by name; it registers its kernels by being loaded.
  if (libtorch.cuda) link.push("-Wl,--no-as-needed", "-ltorch_cuda", "-lc10_cuda");
  return { compile, link };
}

/** The addon of the threads that make pictures: they never load libtorch. */
function flagsOfPixels(napiHeaders) {
  const compile = ["-std=c++20", "-O2", "-fPIC", "-DNAPI_VERSION=8", "-Wall", "-isystem", napiHeaders];
  return { compile, link: ["-shared", "-ldl"] };
}

function napiPackage(root) {
  const beside = join(root, "node_modules", "node-api-headers");
  if (existsSync(join(root, "package-lock.json"))) return beside;
  // As a dependency of another project our own dependencies may lie beside us and not below.
  const require = createRequire(join(root, "package.json"));
  return dirname(require.resolve("node-api-headers/package.json"));
}

const flagsKey = (...several) =>
  hash(process.env.CXX ?? "", ...several.flatMap(({ compile, link }) => [...compile, ...link]));

/** The folder of N-API's headers is another one in each project; only their version counts. */
function flagsNote(root, libtorch) {
  const napi = `node-api-headers ${readJson(join(napiPackage(root), "package.json")).version}`;
  return flagsKey(flagsFor(libtorch, napi), flagsOfPixels(napi));
}

/** "ready", "missing", "stale", or "nothing to compile" */
export function addonState(root, libtorch) {
  if (sourcesOf(root).length === 0) return "nothing to compile";
  if (!existsSync(addonPath(root, "lacuna")) || !existsSync(addonPath(root, "pixels"))) return "missing";
  const stamp = readJson(stampPath(root));
  return stamp?.sources === nativeKey(root) && stamp.flags === flagsNote(root, libtorch) ? "ready" : "stale";
}

/** The headers of ours that an object was made from, from what -MMD wrote (one rule in make's syntax). */
export function readDependencies(text) {
  const list = text.slice(text.indexOf(":") + 1).replaceAll("\\\n", " ");
  return list
    .split(/(?<!\\)\s+/)
    .filter(Boolean)
    .map((path) => path.replaceAll("\\ ", " "));
}

function objectKey(files, settings) {
  return files.every((file) => existsSync(file))
    ? hash(settings, ...files.map((file) => readFileSync(file)))
    : undefined;
}

function objectOf(root, source) {
  return join(root, "build", "native", `${relative(join(root, "native"), source).replaceAll("/", "-")}.o`);
}

async function compile({ root, source, compiler, flags, notes, settings }) {
  const object = objectOf(root, source);
  const note = notes[basename(object)];
  if (note && existsSync(object) && note.key === objectKey(note.files, settings)) return;
  const started = Date.now();
  const args = [...flags.compile, "-MMD", "-MF", `${object}.d`, "-c", source, "-o", object];
  const { ok, output } = await run(compiler.command, args, { cwd: root });
  if (!ok)
    throw new SetupError(`${relative(root, source)} does not compile with ${compiler.version}:\n${output.trim()}`);
  if (output.trim()) process.stderr.write(output);
  const files = readDependencies(readFileSync(`${object}.d`, "utf8"));
  notes[basename(object)] = { files, key: objectKey(files, settings) };
  writeJson(notesPath(root), notes);
  say(`  ${relative(root, source)} (${seconds(started)})`);
}

/** Puts a file in the place of an addon if Node can load it. @returns what Node said if it cannot */
async function putInPlace(root, name, file) {
  const loaded = await run(process.execPath, ["-e", `require(${JSON.stringify(file)})`]);
  if (loaded.ok)
    renameSync(file, addonPath(root, name)); // a process that has the older one loaded keeps it
  else rmSync(file);
  return loaded.ok ? undefined : loaded.output.trim();
}

async function link({ root, name, compiler, flags, objects }) {
  const temporary = `${addonPath(root, name)}.${process.pid}.node`;
  const linked = await run(compiler.command, ["-o", temporary, ...objects, ...flags.link]);
  if (!linked.ok) throw new SetupError(`The addon does not link:\n${linked.output.trim()}`);
  const problem = await putInPlace(root, name, temporary);
  if (problem) throw new SetupError(`The addon was compiled but does not load:\n${problem}`);
}

/** Takes the addons of an earlier compilation of the same sources, for whichever folder it was. @returns whether it could */
async function takeKept(root, names, key) {
  const kept = keptAddons(names, key);
  if (!kept) return false;
  mkdirSync(join(root, "build"), { recursive: true });
  for (const name of names) {
    const temporary = `${addonPath(root, name)}.${process.pid}.node`;
    copyFileSync(kept[name], temporary);
    if (await putInPlace(root, name, temporary)) return false;
  }
  return true;
}

async function compileAll({ root, addons, compiler, libtorch }) {
  const sources = sourcesOf(root);
  const width = Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / bytesPerCompiler)));
  mkdirSync(join(root, "build", "native"), { recursive: true });
  say(
    `compiling the addons with ${compiler.version} (${sources.length} files, ${width} at a time; a minute or two the first time)`,
  );
  const notes = readJson(notesPath(root)) ?? {};
  const tasks = addons.flatMap(({ flags, isOf }) => {
    const settings = hash(compiler.version, libtorch.version, ...flags.compile);
    return sources.filter(isOf).map((source) => () => compile({ root, source, compiler, flags, notes, settings }));
  });
  await inParallel(tasks, width);
  for (const { name, flags, isOf } of addons) {
    await link({ root, name, compiler, flags, objects: sources.filter(isOf).map((source) => objectOf(root, source)) });
  }
}

export async function buildAddon(root, libtorch) {
  const state = addonState(root, libtorch);
  if (state !== "missing" && state !== "stale") return;
  const started = Date.now();
  const compiler = findCompiler();
  const headers = join(napiPackage(root), "include");
  const addons = [
    { name: "lacuna", flags: flagsFor(libtorch, headers), isOf: (source) => !isOfPixels(root, source) },
    { name: "pixels", flags: flagsOfPixels(headers), isOf: (source) => isOfPixels(root, source) },
  ];
  const names = addons.map(({ name }) => name);
  const sources = nativeKey(root);
  const flags = flagsNote(root, libtorch);
  const key = hash(sources, flags, compiler.version, libtorch.version);
  const isKept = await takeKept(root, names, key);
  if (!isKept) {
    await compileAll({ root, addons, compiler, libtorch });
    if (nativeKey(root) === sources)
      keepAddons(Object.fromEntries(names.map((name) => [name, addonPath(root, name)])), key);
  }
  writeJson(stampPath(root), { libtorch, compiler: compiler.version, flags, sources });
  say(`the addons are ready${isKept ? ", from an earlier compilation of the same sources" : ""} (${seconds(started)})`);
}
