// Fetches libtorch: three wheels through pip, each with its checksum, unpacked beside the place and renamed into it.
import { createHash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cachedLibtorch, cacheFolder, fetchedVersion } from "./libtorch.mjs";
import { run } from "./process.mjs";
import { SetupError, say, seconds, size } from "./report.mjs";

// torch's own metadata pins the versions of the two CUDA packages; without them libtorch_cpu.so does not load.
export const wheels = [
  {
    requirement: "nvidia-cuda-runtime==13.2.86",
    sha256: "3498247680dfddce31bad102af7e3e26fc795342a3cac64722bb0fa95e7f60f0",
    bytes: 2323576,
    parts: ["nvidia/cu13/lib/libcudart.so.13=lib/libcudart.so.13"],
  },
  {
    requirement: "nvidia-cuda-cupti==13.2.86",
    sha256: "8fa29f15dd8336181f961764d9d95236fc6b931dd0c8fcf8cd70aab0c310b586",
    bytes: 11988600,
    parts: ["nvidia/cu13/lib/libcupti.so.13=lib/libcupti.so.13"],
  },
  {
    requirement: `torch==${fetchedVersion}`,
    sha256: "48c2d861134c0b5697c7602cb5ffa68f62a2989fdcd1717e593356f67996ca1e",
    bytes: 539136850,
    parts: [
      "torch/lib/libtorch_cpu.so=lib/libtorch_cpu.so",
      "torch/lib/libc10.so=lib/libc10.so",
      "torch/lib/libgomp.so.1=lib/libgomp.so.1",
      "torch/include/=include/",
    ],
  },
];
const unpackedBytes = 521e6;
const platforms = ["manylinux_2_28_x86_64", "manylinux_2_25_x86_64", "manylinux2014_x86_64", "manylinux_2_17_x86_64"];
const progressMs = 5000;

export async function sha256(path) {
  const sum = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) sum.update(chunk);
  return sum.digest("hex");
}

const nameOf = (wheel) => wheel.requirement.split("==")[0].replaceAll("-", "_");

/** The wheel as an earlier try left it, when it is whole; a wrong one is removed. */
export async function keptWheel(folder, wheel) {
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    if (!file.startsWith(`${nameOf(wheel)}-`) || !file.endsWith(".whl")) continue;
    const path = join(folder, file);
    if ((await sha256(path)) === wheel.sha256) return path;
    rmSync(path);
  }
  return undefined;
}

function bytesBelow(folder) {
  let total = 0;
  for (const entry of existsSync(folder) ? readdirSync(folder, { recursive: true }) : []) {
    total += statSync(join(folder, entry), { throwIfNoEntry: false })?.size ?? 0;
  }
  return total;
}

// pip is silent when it does not write to a terminal, so its temporary folder is watched instead.
function watchProgress(folder, wheel) {
  const timer = setInterval(() => {
    say(`  ${wheel.requirement}: ${size(bytesBelow(folder))} of ${size(wheel.bytes)}`);
  }, progressMs);
  return () => clearInterval(timer);
}

async function pip(folder, wheel) {
  const temporary = join(folder, `tmp-${process.pid}`);
  mkdirSync(temporary, { recursive: true });
  // With its hash in a requirements file pip takes exactly this file, whatever other indexes offer under the version.
  const requirements = join(temporary, "requirements.txt");
  writeFileSync(requirements, `${wheel.requirement} --hash=sha256:${wheel.sha256}\n`);
  const target = ["--python-version", "3.11", ...platforms.flatMap((platform) => ["--platform", platform])];
  const args = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", ...target];
  args.push("--no-cache-dir", "--retries", "2", "--dest", folder, "--requirement", requirements);
  const inherit = process.stdout.isTTY === true;
  const env = { ...process.env, TMPDIR: temporary, PIP_DISABLE_PIP_VERSION_CHECK: "1", PIP_REQUIRE_VIRTUALENV: "0" };
  const stop = inherit ? () => {} : watchProgress(temporary, wheel);
  try {
    return await run("python3", args, { inherit, env });
  } finally {
    stop();
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function fetchWheel(folder, wheel) {
  const kept = await keptWheel(folder, wheel);
  if (kept) {
    say(`  ${wheel.requirement} is there from an earlier try`);
    return kept;
  }
  const started = Date.now();
  say(`  ${wheel.requirement}: downloading ${size(wheel.bytes)}`);
  const { ok, output } = await pip(folder, wheel);
  const path = ok ? await keptWheel(folder, wheel) : undefined;
  if (!path) {
    throw new SetupError(
      `${wheel.requirement} could not be fetched with pip${output ? `:\n${output.trim()}` : "."}`,
      `Is the network there? Then run the same command again: what has arrived is kept. Without a network, say
  LACUNA_LIBTORCH=<folder with lib/ and include/>, for instance of a torch copied from another machine.`,
    );
  }
  say(`  ${wheel.requirement}: arrived and verified (${seconds(started)})`);
  return path;
}

function checkSpace(folder) {
  const { bavail, bsize } = statfsSync(folder);
  const wanted = unpackedBytes + wheels.reduce((total, wheel) => total + wheel.bytes, 0);
  if (bavail * bsize > wanted) return;
  throw new SetupError(
    `libtorch needs ${size(wanted)} while it is unpacked, and ${folder} has ${size(bavail * bsize)} free.`,
    "Make room, or say LACUNA_CACHE=<folder on a larger disk>.",
  );
}

async function unpack(paths, place) {
  const temporary = `${place}.tmp-${process.pid}`;
  rmSync(temporary, { recursive: true, force: true });
  try {
    for (const [index, wheel] of wheels.entries()) {
      const script = join(dirname(fileURLToPath(import.meta.url)), "unpack.py");
      const { ok, output } = await run("python3", [script, paths[index], temporary, ...wheel.parts]);
      if (!ok)
        throw new SetupError(`${wheel.requirement} could not be unpacked:\n${output.trim()}`, "Is the disk full?");
    }
    rmSync(place, { recursive: true, force: true });
    renameSync(temporary, place);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

// What a killed set-up left; the lock is ours, so nobody is writing there.
function removeLeftovers(cache, downloads) {
  for (const [folder, pattern] of [
    [cache, /^libtorch-.*\.tmp-\d+$/],
    [downloads, /^tmp-\d+$/],
  ]) {
    for (const name of readdirSync(folder)) {
      if (pattern.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
}

/** Puts libtorch into the cache folder. The caller holds the cache's lock. */
export async function fetchLibtorch() {
  const started = Date.now();
  const cache = cacheFolder();
  const downloads = join(cache, "downloads");
  mkdirSync(downloads, { recursive: true });
  removeLeftovers(cache, downloads);
  checkSpace(cache);
  say(
    `libtorch ${fetchedVersion} into ${cachedLibtorch()} (once for all clones: 553 MB to download, ${size(unpackedBytes)} kept)`,
  );
  const paths = [];
  for (const wheel of wheels) paths.push(await fetchWheel(downloads, wheel));
  say("  unpacking the parts that are needed");
  await unpack(paths, cachedLibtorch());
  for (const path of paths) rmSync(path);
  say(`libtorch ${fetchedVersion} is ready (${seconds(started)})`);
}
