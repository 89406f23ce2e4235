// The PyTorch to compare with: a virtual environment in the cache folder, made once and used for nothing else.
import { existsSync, mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../tools/setup/libtorch.mjs";
import { withLock } from "../../tools/setup/lock.mjs";
import { compareVersions, parseVersion } from "../../tools/setup/platform.mjs";
import { answer, run } from "../../tools/setup/process.mjs";
import { size } from "../../tools/setup/report.mjs";
import { readJson, writeJson } from "../../tools/setup/stamp.mjs";
import { BenchError } from "../peer.mjs";

const version = "2.15.0";
const packages = [
  `torch==${version}`,
  "torchvision==0.29.2",
  "timm==1.0.31",
  "transformers==5.24.0",
  "onnx==1.23.2",
  "onnxscript==0.7.2",
  "onnxruntime==1.32.0",
  "scikit-learn==1.9.1",
  "numpy",
  "pillow",
  "safetensors",
];
const oldest = [3, 11]; // what the wheel of this torch asks for
const neededBytes = 10e9; // 6 GB installed, and the wheels while they are unpacked
const modules = "torch, torchvision, timm, transformers, onnx, onnxscript, onnxruntime, sklearn, safetensors";
const probe = `import ${modules}; print(torch.__version__)`;
const remedy =
  "Is the network there? Then run the same command again: it goes on where it stopped. Or say LACUNA_BENCH_PYTHON=<a python with these packages>.";

const say = (line) => process.stderr.write(`bench: ${line}\n`);

function findPython() {
  const program = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])";
  for (const command of ["python3", "python3.11", "python3.12", "python3.13", "python3.14"]) {
    const found = parseVersion(answer(command, ["-c", program]));
    if (found && compareVersions(found, oldest) >= 0) return command;
  }
  throw new BenchError(
    `The bench needs Python ${oldest.join(".")} or newer with venv, to run PyTorch ${version} beside Lacuna.`,
    "Debian and Ubuntu: sudo apt install python3-venv    Or say LACUNA_BENCH_PYTHON=<a python with these packages>.",
  );
}

function checkSpace(folder) {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize > neededBytes) return;
  throw new BenchError(
    `PyTorch needs ${size(neededBytes)} while it is installed, and ${folder} has ${size(bavail * bsize)} free.`,
    "Make room, or say LACUNA_CACHE=<folder on a larger disk>.",
  );
}

async function install(folder) {
  const python = findPython();
  mkdirSync(folder, { recursive: true });
  checkSpace(folder);
  say(`PyTorch ${version} is not here yet; it is installed once into ${folder}`);
  say(`  ${packages.join(", ")}: about 3 GB to download and 6 GB on disk, as the wheel brings its CUDA libraries`);
  const steps = [
    { what: "python -m venv", command: python, args: ["-m", "venv", folder] },
    {
      what: "pip install",
      command: join(folder, "bin", "python"),
      args: ["-m", "pip", "install", "--disable-pip-version-check", "--only-binary=:all:", ...packages],
    },
  ];
  for (const { what, command, args } of steps) {
    const { ok, output } = await run(command, args, { inherit: process.stdout.isTTY === true });
    if (!ok) throw new BenchError(`${what} failed:\n${output.trim().slice(-2000)}`, remedy);
  }
}

async function ownPython() {
  const folder = join(cacheFolder(), `bench-venv-torch-${version}`);
  const python = join(folder, "bin", "python");
  const stamp = join(folder, "lacuna.json");
  await withLock(cacheFolder(), "the bench's PyTorch", async () => {
    if (existsSync(python) && readJson(stamp)?.packages?.join() === packages.join()) return;
    await install(folder);
    const found = answer(python, ["-c", probe]);
    if (!found?.startsWith(version))
      throw new BenchError(
        `PyTorch ${version} was installed into ${folder} but does not load.`,
        `Remove that folder and try again.`,
      );
    writeJson(stamp, { packages, version: found });
    say(`PyTorch ${found} is ready`);
  });
  return python;
}

/** The Python to run PyTorch with: LACUNA_BENCH_PYTHON, or one of our own with exactly this version. @throws BenchError */
export async function benchPython(environment = process.env) {
  const given = environment.LACUNA_BENCH_PYTHON;
  if (!given) return ownPython();
  if (answer(given, ["-c", probe])) return given;
  throw new BenchError(
    `LACUNA_BENCH_PYTHON is ${given}, which cannot import ${modules}.`,
    "Correct it, or unset it to let the bench install its own.",
  );
}
