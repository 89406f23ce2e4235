import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { binding } from "../../src/engine/binding.js";
import { checkDevice, cpuHasBfloat16, defaultPrecision, isCuda, libtorchVersion } from "../../src/engine/device.js";
import { ConfigError } from "../../src/errors.js";

const folder = mkdtempSync(join(tmpdir(), "lacuna-device-"));
afterAll(() => rmSync(folder, { recursive: true }));

function cpuinfo(flags: string): string {
  const path = join(folder, "cpuinfo");
  writeFileSync(path, `processor : 0\nflags : fpu ${flags} sse\n`);
  return path;
}

describe("devices", () => {
  test.each([
    ["avx512_bf16", true],
    ["amx_bf16 amx_tile", true],
    ["avx512f avx512_bf16x", false],
    ["avx2", false],
  ])("a CPU with %s multiplies bfloat16 in hardware: %s", (flags, expected) => {
    expect(cpuHasBfloat16(cpuinfo(flags))).toBe(expected);
  });

  test("a machine that does not say has none", () => {
    expect(cpuHasBfloat16(join(folder, "missing"))).toBe(false);
  });

  test("the precision follows", () => {
    expect(defaultPrecision("cpu")).toBe(cpuHasBfloat16() ? "bfloat16" : "float32");
    expect(defaultPrecision("cuda:1")).toBe("bfloat16");
  });

  test("a GPU is told from the rest", () => {
    expect(["cuda", "cuda:1", "cpu", "meta"].map(isCuda)).toEqual([true, true, false, false]);
  });

  test.each(["cpu", "meta"])("%s is there", (device) => {
    expect(checkDevice(device)).toBe(device);
  });

  test.each(["gpu", "", "cpu:0x", "cuda:", "CUDA", "cuda:a"])("%j is refused", (device) => {
    expect(() => checkDevice(device)).toThrow(ConfigError);
    expect(() => checkDevice(device)).toThrow(`in device: expected cpu, cuda or cuda:<number>, got ${device}.`);
  });

  test.skipIf(binding().hasCuda())("cuda without a GPU says what to do", () => {
    expect(() => checkDevice("cuda")).toThrow(
      "in device: this libtorch has no CUDA, or no GPU is visible. Use --device cpu, or set LACUNA_LIBTORCH to a CUDA build and run: npx lacuna setup",
    );
  });

  test.runIf(binding().hasCuda())("cuda with a GPU", () => {
    expect(checkDevice("cuda:0")).toBe("cuda:0");
  });

  test("the version is libtorch's", () => {
    expect(libtorchVersion()).toBe(binding().version());
  });
});
