import { readFileSync } from "node:fs";
import { binding } from "./binding.js";
import type { DType } from "./dtype.js";
import { ConfigError } from "./errors.js";

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

let available: boolean | undefined;

/** Whether this processor runs the kernels of native/kernels (`LACUNA_KERNELS=off` says no: ATen's operations alone). */
export function kernelsAvailable(): boolean {
  available ??= binding().hasKernels();
  return available;
}
