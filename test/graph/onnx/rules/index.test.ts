import { readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import type { OpName } from "../../../../src/engine/dispatch.js";
import { schemas } from "../../../../src/engine/ops.js";
import { readSchema } from "../../../../src/engine/schema.js";
import { SafetensorsFile } from "../../../../src/formats/safetensors.js";
import { exportOnnx } from "../../../../src/graph/onnx/export.js";
import { ExportError } from "../../../../src/graph/onnx/graph.js";
import { rules } from "../../../../src/graph/onnx/rules/index.js";
import { tensorOf } from "../../../../src/models/weights.js";
import { Module } from "../../../../src/nn/module.js";
import { aten, type Tensor } from "../../../../src/tensor/tensor.js";
import { openSession } from "../runtime.js";

// PyTorch's numbers for every operation: test/reference/make_ops.py. onnxruntime has to give the same.
interface Case {
  readonly op: string;
  readonly args: readonly unknown[];
  readonly options?: Readonly<Record<string, unknown>>;
  readonly outputs?: readonly (string | null)[];
}
const file = (name: string): string => new URL(`../../../reference/${name}`, import.meta.url).pathname;
const { cases } = JSON.parse(readFileSync(file("ops.json"), "utf8")) as { cases: Case[] };
const numbers = SafetensorsFile.open(file("ops.safetensors"));
afterAll(() => numbers.close());

const types = ["float32", "int64", "bool"];
const producer = { version: "0" };

function attempt<R>(body: () => R): R | undefined {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof ExportError)) throw error;
    expect(error.message).toMatch(/cannot be written as ONNX: .+\. .+\.$/);
    return undefined;
  }
}

const call = aten as unknown as (name: string, ...args: unknown[]) => Tensor | Tensor[];

class One extends Module<Tensor[], Record<string, Tensor>> {
  constructor(
    private readonly wanted: Case,
    private readonly names: readonly string[],
  ) {
    super();
  }

  /** the case's tensors -> its results */
  protected forward(...given: Tensor[]): Record<string, Tensor> {
    const decode = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(decode);
      if (typeof value !== "object" || value === null) return value;
      if ("number" in value) return { inf: Infinity, "-inf": -Infinity, nan: Number.NaN }[value.number as string];
      const { tensor: name, transpose } = value as { tensor: string; transpose?: boolean };
      const found = given[this.names.indexOf(name)] as Tensor;
      return transpose === true ? found.transpose(-1, -2) : found;
    };
    const { op, args, options } = this.wanted;
    const read = args.map(decode);
    if (op === "to.device") read[1] = "meta"; // where a recording is made
    const result = call(op, ...read, ...(options === undefined ? [] : [options]));
    return Object.fromEntries([result].flat().map((one, i) => [`y${i}`, one]));
  }
}

function tensorNames(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(tensorNames);
  return typeof value === "object" && value !== null && "tensor" in value ? [value.tensor as string] : [];
}

/** Runtimes differ at infinities and on tensors without elements; types that models are not exported in are left out. */
function isPlain(value: Tensor, op: string): boolean {
  if (!types.includes(value.dtype) || value.size === 0) return false;
  return op === "isfinite" || value.toNumbers().every(Number.isFinite);
}

/** @returns whether the case was run; one that ONNX cannot hold must say what to do instead */
async function check(wanted: Case, label: string): Promise<boolean> {
  const names = [...new Set(tensorNames(wanted.args))];
  const given = names.map((name) => tensorOf(numbers.read(name)));
  const expected = (wanted.outputs ?? []).map((name) => (name === null ? null : tensorOf(numbers.read(name))));
  const close = (): void => {
    for (const one of [...given, ...expected]) one?.dispose();
  };
  const isRead = wanted.op !== "one_hot" || wanted.args.length > 1; // classes counted by reading values
  if (
    !isRead ||
    given.some((value) => !isPlain(value, wanted.op)) ||
    expected.some((value) => value !== null && !types.includes(value.dtype))
  ) {
    close();
    return false;
  }
  const module = new One(wanted, names);
  const inputs = given.map(({ shape, dtype }, i) => ({ name: `x${i}`, shape, dtype }));
  const onnx = attempt(() =>
    exportOnnx(module, { name: "one", inputs, run: (...values) => module.call(...values), probes: {}, producer }),
  );
  if (onnx === undefined) {
    close();
    return false;
  }
  const session = await openSession(onnx.bytes());
  const made = await session.run(Object.fromEntries(given.map((value, i) => [`x${i}`, value])));
  await session.close();
  expected.forEach((theirs, i) => {
    if (theirs === null) return;
    const ours = made[`y${i}`] as Tensor;
    expect(ours.shape, label).toEqual(theirs.shape);
    expect(ours.dtype, label).toBe(theirs.dtype);
    const [a, b] = [ours.toNumbers(), theirs.toNumbers()];
    const largest = Math.max(1e-6, ...b.filter(Number.isFinite).map(Math.abs));
    b.forEach((value, k) => {
      const got = a[k] ?? 0;
      if (!Object.is(got, value) && got !== value && !(Math.abs(got - value) <= 2e-5 * largest)) {
        expect(got, `${label} [${k}]`).toBe(value);
      }
    });
  });
  close();
  for (const one of Object.values(made)) one.dispose();
  return true;
}

const names = schemas.map((schema) => readSchema(schema).name as OpName);

test.each(names.filter((name) => !("unsupported" in rules[name])))("%s in onnxruntime as in PyTorch", async (name) => {
  let run = 0;
  for (const [i, wanted] of cases.filter(({ op }) => op === name).entries())
    run += Number(await check(wanted, `${name} case ${i} ${JSON.stringify(wanted.args)}`));
  expect(run, "cases that were run").toBeGreaterThan(0);
});
