/** The kernels of another path than this processor's best, where it has them. */
import { readFileSync } from "node:fs";
import { describe } from "vitest";

const flags = new Set(
  readFileSync("/proc/cpuinfo", "utf8")
    .match(/^flags.*$/m)?.[0]
    .split(" "),
);
const has = ["avx2", "fma"].every((flag) => flags.has(flag));

if (has) {
  process.env["LACUNA_KERNELS"] = "avx2";
  const { kernelBattery } = await import("./kernel-battery.js");
  kernelBattery("avx2");
} else describe.skip("kernels for avx2", () => undefined);
