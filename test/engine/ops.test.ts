import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { DType } from "../../src/engine/dtype.js";
import { schemas } from "../../src/engine/ops.js";
import { readSchema } from "../../src/engine/schema.js";
import { scope } from "../../src/engine/scope.js";
import { SafetensorsFile } from "../../src/formats/safetensors.js";
import { gradients } from "../../src/tensor/grad.js";
import { aten, type Tensor, tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "./leaks.js";

// Numbers made by PyTorch: test/reference/make_ops.py says how, and what each field means.
interface Case {
  readonly op: string;
  readonly args: readonly unknown[];
  readonly options?: Readonly<Record<string, unknown>>;
  readonly changes?: readonly number[];
  readonly shape?: readonly number[];
  readonly outputs?: readonly (string | null)[];
  readonly differentiable?: readonly number[];
  readonly gradients?: Readonly<Record<string, string | null>>;
}

const file = (name: string): string => fileURLToPath(new URL(`../reference/${name}`, import.meta.url));
const { cases } = JSON.parse(readFileSync(file("ops.json"), "utf8")) as { cases: Case[] };
/** Operators of our own are held in test/tensor/kernels.test.ts. */
const ofAten = schemas.filter((schema) => schema.startsWith("aten::"));
const numbers = SafetensorsFile.open(file("ops.safetensors"));
const call = aten as unknown as (name: string, ...args: unknown[]) => unknown;

const dtypes: Record<string, DType> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  U8: "uint8",
  BOOL: "bool",
};

/** Largest difference allowed, as a share of the largest value: rounding, summed over a few dozen terms. */
const tolerances: Partial<Record<DType, number>> = { float64: 1e-10, float32: 1e-5, bfloat16: 1.6e-2, float16: 2e-3 };

function stored(name: string): Tensor {
  const { dtype, shape, data } = numbers.read(name);
  const known = dtypes[dtype];
  if (known === undefined) throw new Error(`dtype ${dtype} in ops.safetensors`);
  return tensor(data, shape, { dtype: known });
}

/** JSON -> arguments. Leaves are collected by name; what the operation changes is handed over as a clone. */
function decode(value: unknown, changed: boolean, wanted: Case, leaves: Map<string, Tensor>): unknown {
  if (Array.isArray(value)) return value.map((item) => decode(item, changed, wanted, leaves));
  if (typeof value !== "object" || value === null) return value;
  if ("number" in value) return { inf: Infinity, "-inf": -Infinity, nan: Number.NaN }[value.number as string];
  const { tensor: name, transpose } = value as { tensor: string; transpose?: boolean };
  const leaf = stored(name);
  if (name in (wanted.gradients ?? {})) leaf.setRequiresGrad(true);
  leaves.set(name, leaf);
  const given = transpose === true ? leaf.transpose(-1, -2) : leaf;
  return changed ? given.clone() : given;
}

function tensorsOf(value: unknown): Tensor[] {
  return Array.isArray(value) ? value.flatMap(tensorsOf) : [value as Tensor];
}

/** ((37 i + 11 (k + 1)) mod 19 − 9) / 8, in the output's type */
function weight(k: number, like: Tensor): Tensor {
  const values = Float32Array.from({ length: like.size }, (_, i) => (((37 * i + 11 * (k + 1)) % 19) - 9) / 8);
  return tensor(values, like.shape).to(like.dtype);
}

/** Of infinity ATen's own GELU makes NaN on processors with AVX-512, where these numbers are from, and infinity on others. */
const processorDecides = (what: string, got: number, value: number): boolean =>
  what.startsWith("gelu ") && Number.isNaN(value) && !Number.isFinite(got);

function expectClose(actual: Tensor, name: string, what: string): void {
  const wanted = stored(name);
  expect([actual.dtype, actual.shape], `${what}: type and shape`).toEqual([wanted.dtype, wanted.shape]);
  const [a, b] = [actual.toNumbers(), wanted.toNumbers()];
  const largest = b.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  const allowed = (tolerances[actual.dtype] ?? 0) * largest;
  b.forEach((value, i) => {
    const got = a[i] as number;
    const same =
      Object.is(got, value) || got === value || Math.abs(got - value) <= allowed || processorDecides(what, got, value);
    if (!same) expect.fail(`${what}[${i}]: expected ${value} within ${allowed}, got ${got}`);
  });
}

function check(wanted: Case, label: string): void {
  const leaves = new Map<string, Tensor>();
  const changes = wanted.changes ?? [];
  const args = wanted.args.map((value, i) => decode(value, changes.includes(i), wanted, leaves));
  const result = call(wanted.op, ...args, ...(wanted.options === undefined ? [] : [wanted.options]));
  const outputs = tensorsOf(changes.length > 0 ? changes.map((i) => args[i]) : result);
  if (wanted.shape !== undefined) {
    expect(outputs[0]?.shape, label).toEqual(wanted.shape);
    return;
  }
  const expected = wanted.outputs ?? [];
  expect(outputs.length, `${label}: number of outputs`).toBe(expected.length);
  expected.forEach((name, k) => {
    if (name !== null) expectClose(outputs[k] as Tensor, name, `${label} output ${k}`);
  });
  checkGradients(wanted, outputs, leaves, label);
}

function checkGradients(wanted: Case, outputs: Tensor[], leaves: Map<string, Tensor>, label: string): void {
  const chosen = (wanted.differentiable ?? []).map((k) => ({ k, output: outputs[k] as Tensor }));
  for (const { output } of chosen) expect(output.requiresGrad, `${label}: differentiable`).toBe(true);
  if (chosen.length === 0) return;
  const names = Object.keys(wanted.gradients ?? {});
  const found = gradients(
    chosen.map(({ output }) => output),
    names.map((name) => leaves.get(name) as Tensor),
    chosen.map(({ k, output }) => weight(k, output)),
  );
  names.forEach((name, i) => {
    const key = wanted.gradients?.[name] ?? null;
    const what = `${label} gradient of tensor ${name}`;
    if (key === null) expect(found[i], what).toBeUndefined();
    else expectClose(found[i] as Tensor, key, what);
  });
}

describe("operations against PyTorch", () => {
  leavesNoTensors();
  const names = ofAten.map((schema) => readSchema(schema).name);

  test.each(names)("%s", (name) => {
    const own = cases.filter((wanted) => wanted.op === name);
    expect(own.length, "cases in test/reference/make_ops.py").toBeGreaterThan(0);
    own.forEach((wanted, i) => {
      scope(() => check(wanted, `${name} case ${i} ${JSON.stringify(wanted.args)}`));
    });
  });

  test("no case stands for an operation that is not declared", () => {
    expect(cases.map(({ op }) => op).filter((op) => !names.includes(op))).toEqual([]);
  });

  test("every operation that PyTorch differentiates has a gradient in some case", () => {
    const plain =
      /^(sign|arg|all|any|eq|ne|lt|le|gt|ge|logical|isfinite|one_hot|detach|zeros|ones|full|arange|empty|eye|linspace)/;
    const constant = /^(_fused_|_foreach_copy_)/; // no derivative in PyTorch
    const without = names.filter((name) => !cases.some((c) => c.op === name && (c.differentiable ?? []).length > 0));
    expect(without.filter((name) => !plain.test(name) && !constant.test(name))).toEqual([]);
  });
});

/** A shape that depends on values, which meta tensors do not have; and optimiser steps, which have none to make. */
const needsValues = (wanted: Case): boolean =>
  (wanted.op === "one_hot" && wanted.args.length === 1) || wanted.op.startsWith("_fused_");

function onMeta(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(onMeta);
  return typeof value === "object" && value !== null ? (value as Tensor).toDevice("meta") : value;
}

function checkOnMeta(wanted: Case, label: string): void {
  const factory = wanted.options !== undefined && "device" in wanted.options;
  const changes = wanted.changes ?? [];
  const args = onMeta(wanted.args.map((value) => decode(value, false, wanted, new Map()))) as unknown[];
  if (wanted.op === "to.device") args[1] = "meta";
  const options = factory ? { ...wanted.options, device: "meta" } : wanted.options;
  const result = call(wanted.op, ...args, ...(options === undefined ? [] : [options]));
  const outputs = tensorsOf(changes.length > 0 ? changes.map((i) => args[i]) : result);
  wanted.outputs?.forEach((name, k) => {
    if (name === null) return;
    const [output, real] = [outputs[k] as Tensor, stored(name)];
    expect([output.device, output.dtype, output.shape], label).toEqual(["meta", real.dtype, real.shape]);
  });
}

describe("operations on meta: the type and shape of the real result", () => {
  leavesNoTensors();
  const factories = /^(zeros|ones|full|arange|empty|eye|linspace)/;
  const names = ofAten.map((schema) => readSchema(schema).name);

  test.each(names)("%s", (name) => {
    for (const wanted of cases.filter((c) => c.op === name && !needsValues(c))) {
      const label = `${name} ${JSON.stringify(wanted.args)}`;
      if (!factories.test(name) || wanted.options?.["device"] !== undefined) scope(() => checkOnMeta(wanted, label));
    }
  });

  test("a shape that depends on values is refused", () =>
    scope(() => {
      const labels = tensor(BigInt64Array.of(1n, 2n)).toDevice("meta");
      expect(() => aten("one_hot", labels)).toThrow("one_hot");
    }));
});

describe("decompositions, unique up to signs", () => {
  leavesNoTensors();
  const close = (a: Tensor, b: Tensor): void => {
    b.toNumbers().forEach((value, i) => {
      expect(a.toNumbers()[i]).toBeCloseTo(value, 5);
    });
  };

  test("linalg_svd: U S Vᵀ is the matrix, U and V are orthogonal", () =>
    scope(() => {
      const a = tensor(
        Float32Array.from({ length: 12 }, (_, i) => Math.sin(3 * i + 1)),
        [4, 3],
      );
      const [u, s, v] = aten("linalg_svd", a, false);
      close(u.mul(s).matmul(v), a);
      close(u.transpose(0, 1).matmul(u), aten("eye", 3));
      close(v.matmul(v.transpose(0, 1)), aten("eye", 3));
    }));

  test("linalg_eigh: V diag(w) Vᵀ is the matrix", () =>
    scope(() => {
      const half = tensor(
        Float32Array.from({ length: 9 }, (_, i) => Math.cos(2 * i)),
        [3, 3],
      );
      const a = half.add(half.transpose(0, 1));
      const [values, vectors] = aten("linalg_eigh", a);
      close(vectors.mul(values).matmul(vectors.transpose(0, 1)), a);
    }));
});
