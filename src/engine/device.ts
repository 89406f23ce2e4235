import { readFileSync } from "node:fs";
import { ConfigError } from "../errors.js";
import { binding } from "./binding.js";
import type { DType } from "./dtype.js";

/** `cpu`, `cuda`, `cuda:1` or `meta` (shapes only, nothing allocated). */
export type Device = string;

/** True where this CPU multiplies bfloat16 matrices in hardware (AVX512-BF16 or AMX). */
export function cpuHasBfloat16(cpuinfo = "/proc/cpuinfo"): boolean {
  try {
    return /\b(avx512_bf16|amx_bf16)\b/.test(readFileSync(cpuinfo, "utf8"));
  } catch {
    return false;
  }
}

/** Whether it is a GPU, which works while JavaScript goes on. */
export function isCuda(device: Device): boolean {
  return device.startsWith("cuda");
}

/** bfloat16 where the hardware has it, float32 elsewhere. */
export function defaultPrecision(device: Device): DType {
  return isCuda(device) || cpuHasBfloat16() ? "bfloat16" : "float32";
}

/** @throws ConfigError where the device is unknown, or libtorch or the machine lacks it */
export function checkDevice(device: string): Device {
  if (!/^(cpu|meta|cuda(:\d+)?)$/.test(device)) {
    throw new ConfigError({
      problem: `expected cpu, cuda or cuda:<number>, got ${device}.`,
      code: "device",
      path: "device",
      expected: "cpu | cuda",
      actual: device,
    });
  }
  if (isCuda(device) && !binding().hasCuda()) {
    throw new ConfigError({
      problem: "this libtorch has no CUDA, or no GPU is visible.",
      code: "no-cuda",
      path: "device",
      expected: "a GPU and a CUDA build of libtorch",
      actual: device,
      remedy: "Use --device cpu, or set LACUNA_LIBTORCH to a CUDA build and run: npx lacuna setup",
    });
  }
  return device;
}

/** `2.15.0` */
export function libtorchVersion(): string {
  return binding().version();
}

/**
 * What of native/kernels a processor runs, by the widest registers and the products of bfloat16 that it has. `avx512` and `avx2`
 * compute in float32 alone; with `amx` libtorch's products of bfloat16 are quicker than ours.
 */
export const kernelPaths = ["avx512-bf16-amx", "avx512-bf16", "avx512", "avx2", "none"] as const;
export type KernelPath = (typeof kernelPaths)[number];

let path: KernelPath | undefined;

/**
 * This processor's path. The environment's LACUNA_KERNELS asks for less than there is: the name of a path, or `off`.
 *
 * @throws ConfigError where it names none, or one that this processor does not have
 */
export function kernelPath(): KernelPath {
  path ??= checkPath(binding().kernelPath() as KernelPath, process.env["LACUNA_KERNELS"]);
  return path;
}

/** What the addon chose, where that is what was asked for. */
export function checkPath(chosen: KernelPath, wanted: string | undefined): KernelPath {
  if (wanted === undefined || wanted === "" || wanted === chosen || (wanted === "off" && chosen === "none"))
    return chosen;
  const isKnown = (kernelPaths as readonly string[]).includes(wanted);
  const expected = `off or one of ${kernelPaths.join(", ")}`;
  const what = isKnown ? `a processor that has ${wanted}` : expected;
  throw new ConfigError({
    code: "kernels",
    path: "LACUNA_KERNELS",
    expected: what,
    actual: isKnown ? `one that has ${chosen}` : wanted,
    remedy: "Unset it: the best that this processor has is chosen.",
  });
}
