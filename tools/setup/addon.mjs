// Step 3: native/*.cc -> build/lacuna.node and native/pixels/*.cc -> build/pixels.node, only what changed.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import { basename, dirname, join, relative } from "node:path";
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

function napiHeaders(root) {
  const beside = join(root, "node_modules", "node-api-headers");
  if (existsSync(join(root, "package-lock.json"))) return join(beside, "include");
  // As a dependency of another project our own dependencies may lie beside us and not below.
  const require = createRequire(join(root, "package.json"));
  return join(dirname(require.resolve("node-api-headers/package.json")), "include");
}

const flagsKey = (...several) =>
  hash(process.env.CXX ?? "", ...several.flatMap(({ compile, link }) => [...compile, ...link]));

/** "ready", "missing", "stale", or "nothing to compile" */
export function addonState(root, libtorch) {
  if (sourcesOf(root).length === 0) return "nothing to compile";
  if (!existsSync(addonPath(root, "lacuna")) || !existsSync(addonPath(root, "pixels"))) return "missing";
  const stamp = readJson(stampPath(root));
  const flags = flagsKey(flagsFor(libtorch, napiHeaders(root)), flagsOfPixels(napiHeaders(root)));
  return stamp?.sources === nativeKey(root) && stamp.flags === flags ? "ready" : "stale";
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

async function link({ root, name, compiler, flags, objects }) {
  const temporary = `${addonPath(root, name)}.${process.pid}.node`;
  const linked = await run(compiler.command, ["-o", temporary, ...objects, ...flags.link]);
  if (!linked.ok) throw new SetupError(`The addon does not link:\n${linked.output.trim()}`);
  const loaded = await run(process.execPath, ["-e", `require(${JSON.stringify(temporary)})`]);
  if (!loaded.ok) {
    rmSync(temporary);
    throw new SetupError(`The addon was compiled but does not load:\n${loaded.output.trim()}`);
  }
  renameSync(temporary, addonPath(root, name)); // a process that has the older one loaded keeps it
}

export async function buildAddon(root, libtorch) {
  const state = addonState(root, libtorch);
  if (state !== "missing" && state !== "stale") return;
  const started = Date.now();
  const compiler = findCompiler();
  const headers = napiHeaders(root);
  const addons = [
    { name: "lacuna", flags: flagsFor(libtorch, headers), isOf: (source) => !isOfPixels(root, source) },
    { name: "pixels", flags: flagsOfPixels(headers), isOf: (source) => isOfPixels(root, source) },
  ];
  const sources = sourcesOf(root);
  const nativeSources = nativeKey(root);
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
  const flags = flagsKey(...addons.map((addon) => addon.flags));
  writeJson(stampPath(root), { libtorch, compiler: compiler.version, flags, sources: nativeSources });
  say(`the addons are ready (${seconds(started)})`);
}
