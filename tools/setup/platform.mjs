// What must be there before anything is fetched or compiled.
import { answer } from "./process.mjs";
import { SetupError } from "./report.mjs";

const oldestNode = [20, 15];
const oldestGlibc = [2, 28]; // the wheel of libtorch is built for manylinux_2_28
const oldestGcc = 11; // C++20 as libtorch's headers use it

/** Negative, zero or positive, as of two versions written as lists of numbers. */
export function compareVersions(a, b) {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** "2.15.0+cpu" -> [2, 15, 0]; undefined when it is no version. */
export function parseVersion(text) {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text ?? "");
  return match ? match.slice(1).filter(Boolean).map(Number) : undefined;
}

/** Cheap, so that it runs every time. `machine` is process by default; tests hand in others. */
export function checkPlatform(machine = process) {
  if (machine.platform !== "linux" || machine.arch !== "x64") {
    throw new SetupError(
      `Lacuna runs on Linux x86-64; this is ${machine.platform} ${machine.arch}.`,
      "On another system use a Linux x86-64 machine, container or WSL 2.",
    );
  }
  const version = parseVersion(machine.versions.node);
  if (compareVersions(version, oldestNode) < 0) {
    throw new SetupError(
      `Lacuna needs Node ${oldestNode.join(".")} or newer; this is ${machine.versions.node}.`,
      "Install a newer Node (nodejs.org, nvm, or your distribution) and run the command again.",
    );
  }
}

/** musl has no glibc version in its report, and libtorch does not load there. */
export function checkGlibc() {
  const version = process.report.getReport().header.glibcVersionRuntime;
  if (compareVersions(parseVersion(version) ?? [0], oldestGlibc) < 0) {
    throw new SetupError(
      `libtorch needs glibc ${oldestGlibc.join(".")} or newer; here is ${version ?? "another C library (musl?)"}.`,
      "Use a distribution of 2019 or later with glibc: Debian 10, Ubuntu 20.04, RHEL 8 or newer.",
    );
  }
}

/** The C++ compiler to use: $CXX, c++ or g++ or clang++, with the first line of its version. */
export function findCompiler() {
  for (const command of [process.env.CXX, "c++", "g++", "clang++"]) {
    const version = command ? answer(command, ["--version"]) : undefined;
    if (!version) continue;
    const gcc = /\b(?:g\+\+|c\+\+|gcc)\b.*\(.*\)\s+(\d+)/i.exec(version)?.[1];
    if (gcc && Number(gcc) < oldestGcc) {
      throw new SetupError(
        `The C++ compiler ${command} is GCC ${gcc}; C++20 needs ${oldestGcc} or newer.`,
        "Install a newer one (Debian and Ubuntu: sudo apt install g++-12) and say CXX=g++-12.",
      );
    }
    return { command, version: version.split("\n")[0] };
  }
  throw new SetupError(
    "A C++ compiler was not found (looked for $CXX, c++, g++, clang++); the addon is compiled on your machine.",
    "Debian and Ubuntu: sudo apt install g++    Fedora: sudo dnf install gcc-c++",
  );
}

/** Only asked for when libtorch must be fetched. */
export function checkPip() {
  if (answer("python3", ["-m", "pip", "--version"])) return;
  const what = answer("python3", ["--version"]) ? "pip, Python's package installer," : "Python 3";
  throw new SetupError(
    `${what} was not found; it is used once, to fetch libtorch.`,
    "Debian and Ubuntu: sudo apt install python3 python3-pip    Or say LACUNA_LIBTORCH=<folder with lib/ and include/>.",
  );
}
