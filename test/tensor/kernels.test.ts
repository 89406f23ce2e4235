import { describe, expect, test } from "vitest";
import { checkPath, type KernelPath, kernelPath } from "../../src/engine/device.js";
import { autocast } from "../../src/engine/modes.js";
import { record } from "../../src/engine/record.js";
import { scope } from "../../src/engine/scope.js";
import { empty } from "../../src/tensor/creation.js";
import { addBranch, gelu, layerNormForProducts, linear, selfAttention, take } from "../../src/tensor/functional.js";
import { asOn } from "../../src/tensor/kernels.js";
import { Rng } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "../engine/leaks.js";
import { kernelBattery } from "./kernel-battery.js";

const path = kernelPath();
const low = path.includes("bf16");
const normal = (purpose: string, ...shape: number[]): Tensor => new Rng(5, purpose).normal(shape).reshape(shape);

kernelBattery();

describe("which way an operation takes", () => {
  leavesNoTensors();

  /** Every operation that has a kernel, on the device of `x`. */
  function all(x: Tensor, low: Tensor, square: Tensor, vector: Tensor, ids: Tensor): void {
    linear(x, square, vector);
    layerNormForProducts(x, vector, vector, 1e-6);
    gelu(low);
    addBranch(x, low);
    take(x, ids);
    selfAttention(low, 1);
  }

  function operationsOn(device: string): string[] {
    return scope(() => {
      const make = (shape: number[], dtype: "float32" | "bfloat16" | "int64" = "float32"): Tensor =>
        empty(shape, { device, dtype });
      const [x, low, square, vector, ids] = [
        make([2, 4, 48]),
        make([2, 4, 48]),
        make([48, 48]),
        make([48]),
        make([2, 3], "int64"),
      ];
      return record(() => all(x, low, square, vector, ids)).recording.steps.map(({ op }) => op);
    });
  }

  test("a recording is made of ATen's operations", () => {
    expect(operationsOn("meta").filter((op) => op.startsWith("lacuna::"))).toEqual([]);
  });

  test.runIf(path !== "none")("a plan for a CPU is made of the kernels that its type has, one for a GPU is not", () => {
    const kernels = (device: string, dtype: string): string[] =>
      asOn(device, dtype, () => operationsOn("meta"))
        .filter((op) => op.startsWith("lacuna::"))
        .map((op) => op.slice("lacuna::".length));
    const all = ["linear", "layer_norm", "gelu", "add_branch", "take", "attention"];
    const products = path.includes("amx") ? all.slice(1) : all; // AMX's are libtorch's
    expect(kernels("cpu", "bfloat16")).toEqual(low ? products : []);
    expect(kernels("cpu", "float32")).toEqual([
      ...(path === "avx512-bf16" ? ["linear"] : []),
      ...(path === "avx2" ? [] : ["gelu"]),
      "take",
      "attention",
    ]);
    expect(kernels("cuda", "bfloat16")).toEqual([]);
  });

  test("under autocast a norm for products comes in their type where a kernel gives it; elsewhere in its own", () =>
    scope(() => {
      const [x, vector] = [normal("x", 4, 32), normal("v", 32)];
      const under = autocast("bfloat16", () => layerNormForProducts(x, vector, vector, 1e-6));
      expect(under.dtype).toBe(low ? "bfloat16" : "float32");
      expect(layerNormForProducts(x, vector, vector, 1e-6).dtype).toBe("float32");
    }));
});

describe("LACUNA_KERNELS", () => {
  test.each([undefined, "", "avx2"])("%s is what runs", (wanted) => {
    expect(checkPath("avx2", wanted)).toBe("avx2");
  });

  test("off is none", () => {
    expect(checkPath("none", "off")).toBe("none");
  });

  test("a path that the processor lacks, and a word that is none, are refused", () => {
    const refused = (wanted: string) => () => checkPath("none" as KernelPath, wanted);
    expect(refused("avx512")).toThrow(
      "in LACUNA_KERNELS: expected a processor that has avx512, got one that has none. Unset it",
    );
    expect(refused("fast")).toThrow("in LACUNA_KERNELS: expected off or one of avx512-bf16-amx, avx512-bf16, avx512");
  });
});
