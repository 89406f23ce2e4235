// Step 2: where libtorch is. Named by LACUNA_LIBTORCH, in the cache, in an installed torch, or to be fetched.
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { compareVersions, parseVersion } from "./platform.mjs";
import { answer, onPath } from "./process.mjs";
import { SetupError } from "./report.mjs";

export const fetchedVersion = "2.15.0";
const oldest = [2, 11];

export function cacheFolder(environment = process.env) {
  if (environment.LACUNA_CACHE) return resolve(environment.LACUNA_CACHE);
  return join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "lacuna");
}

export const cachedLibtorch = () => join(cacheFolder(), `libtorch-${fetchedVersion}`);

/** Files that set-up itself puts into the cache: libtorch_cpu.so of the wheel asks for the two CUDA libraries to load. */
export const fetchedLibraries = ["libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"];

const needed = ["lib/libtorch_cpu.so", "lib/libc10.so", "include/ATen/core/dispatch/Dispatcher.h"];
const versionHeaders = ["include/torch/headeronly/version.h", "include/torch/csrc/api/include/torch/version.h"];

function headerVersion(folder) {
  for (const header of versionHeaders) {
    if (!existsSync(join(folder, header))) continue;
    const match = /#define TORCH_VERSION\s*\\?\s*"([^"]+)"/.exec(readFileSync(join(folder, header), "utf8"));
    if (match) return match[1];
  }
  return undefined;
}

/** {folder, version, cuda} of a usable folder, or {problem} in words. */
export function inspect(folder) {
  const missing = needed.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0) return { problem: existsSync(folder) ? `${missing.join(", ")} missing` : "no such folder" };
  const version = headerVersion(folder);
  const numbers = parseVersion(version);
  if (!numbers) return { problem: `no version in ${versionHeaders[0]}` };
  if (compareVersions(numbers, oldest) < 0)
    return { problem: `version ${version}, but ${oldest.join(".")} or newer is needed` };
  return { folder, version, cuda: existsSync(join(folder, "lib", "libtorch_cuda.so")) };
}

/** Whether an NVIDIA driver is there: its /proc folder, or nvidia-smi (WSL has no /proc entry). */
function hasGpu() {
  return existsSync("/proc/driver/nvidia/version") || onPath("nvidia-smi") || existsSync("/usr/lib/wsl/lib/nvidia-smi");
}

function fromEnvironment() {
  const given = process.env.LACUNA_LIBTORCH;
  if (!given) return undefined;
  const found = inspect(resolve(given));
  if (found.problem) {
    throw new SetupError(
      `LACUNA_LIBTORCH is ${given}: ${found.problem}.`,
      "It names a folder with lib/ and include/, such as site-packages/torch. Correct it, or unset it to let set-up find one.",
    );
  }
  return { ...found, from: "LACUNA_LIBTORCH" };
}

function fromCache() {
  const folder = cachedLibtorch();
  const whole = fetchedLibraries.every((name) => existsSync(join(folder, "lib", name)));
  const found = whole ? inspect(folder) : { problem: "incomplete" };
  return found.problem ? undefined : { ...found, from: "the cache" };
}

// find_spec does not run torch, which would take seconds.
function fromPython() {
  const program =
    "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')";
  const folder = answer("python3", ["-c", program]);
  const found = folder ? inspect(folder) : { problem: "not installed" };
  return found.problem ? undefined : { ...found, from: "the torch installed for python3" };
}

// What the last set-up chose stays chosen while nothing that decided it has changed; asking Python costs time.
function fromStamp(stamp, gpu) {
  if (!stamp || stamp.gpu !== gpu || stamp.from === "LACUNA_LIBTORCH") return undefined;
  if (stamp.from === "the cache") return stamp.folder === cachedLibtorch() ? fromCache() : undefined;
  const found = inspect(stamp.folder);
  return found.problem ? undefined : { ...found, from: stamp.from };
}

/** The libtorch to use: {folder, version, cuda, from, gpu}, or undefined when it must be fetched. */
export function findLibtorch(stamp) {
  const gpu = hasGpu();
  const given = fromEnvironment() ?? fromStamp(stamp, gpu);
  if (given) return { ...given, gpu };
  const python = gpu ? fromPython() : undefined;
  const found = (python?.cuda ? python : undefined) ?? fromCache() ?? python ?? fromPython();
  return found && { ...found, gpu };
}
