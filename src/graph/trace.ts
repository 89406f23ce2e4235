import type { OpName } from "../engine/dispatch.js";
import type { DType } from "../engine/dtype.js";
import { StateError } from "../engine/errors.js";
import { noGrad } from "../engine/modes.js";
import { type RecordedStep, type RecordedTensor, record } from "../engine/record.js";
import { scope } from "../engine/scope.js";
import { Module } from "../nn/module.js";
import { onMeta } from "../nn/parameter.js";
import { empty } from "../tensor/creation.js";
import type { Tensor } from "../tensor/tensor.js";
import { corners, type Dimension, fixed, interpolate, type Sizes, valueAt } from "./dimension.js";

/** An input of a graph; a name in its shape is a free dimension. */
export interface FreeInput {
  readonly name: string;
  readonly shape: readonly (number | string)[];
  readonly dtype: DType;
}

/** A tensor of a traced graph. */
export interface TracedValue {
  readonly id: number;
  readonly shape: readonly Dimension[];
  readonly dtype: DType;
}

/** One operation, its numbers free of the sizes at which it was recorded. */
export interface TracedStep {
  readonly op: OpName;
  readonly inputs: readonly TracedValue[];
  /** In the operator's order: `{ tensor: position in inputs }`, a Dimension for a number, or the value itself. */
  readonly attributes: readonly unknown[];
  readonly outputs: readonly TracedValue[];
  readonly module: readonly string[];
}

/** A graph that holds for every size of its free dimensions. */
export interface Trace {
  readonly inputs: readonly (FreeInput & { readonly id: number })[];
  /** Names of the module's parameters and buffers, by the id under which steps speak of them. */
  readonly state: ReadonlyMap<number, string>;
  readonly steps: readonly TracedStep[];
  /** What `run` gave back: name -> id. */
  readonly outputs: ReadonlyMap<string, number>;
}

/** Two sizes of a free dimension at which the graph is recorded, and a third at which the result is checked. */
export type Probes = Readonly<Record<string, readonly [low: number, high: number, check: number]>>;

/** `blocks.0.attn.qkv`: where a step was recorded, below the module that is traced. */
export function placeOf({ module }: Pick<RecordedStep, "module">): string {
  return module.join(".").split(".").slice(2).join(".");
}

type AnyModule = Module<never[], unknown>;
/** Calls the module with the graph's inputs and gives back its outputs by name. */
type Run = (...inputs: Tensor[]) => Readonly<Record<string, Tensor>>;

/** One recording at given sizes. */
interface Take {
  readonly sizes: Sizes;
  readonly steps: readonly RecordedStep[];
  readonly inputs: readonly number[];
  readonly outputs: readonly (readonly [string, number])[];
}

/**
 * Records `run` on the `meta` device at two sizes of each free dimension and compares: numbers that differ must follow
 * from the sizes, linearly in each. One more recording checks that they do. The module's weights stay as they are.
 * @throws StateError in training mode; where a tensor was made outside the module; where the graph depends on a size
 */
export function trace(module: AnyModule, inputs: readonly FreeInput[], run: Run, probes: Probes): Trace {
  if (module.training)
    throw new StateError({
      problem: "a graph is recorded in evaluation mode.",
      code: "training",
      expected: "training = false",
      actual: "training = true",
      remedy: "Call setTraining(false) first: dropout and batch statistics are of training.",
    });
  const names = Object.keys(probes);
  const sizesAt = (k: 0 | 1 | 2): Sizes => Object.fromEntries(names.map((name) => [name, probes[name]?.[k] ?? 0]));
  const subject = new Subject(module, run);
  return onMeta(module.state().values(), () => {
    const state = new Map([...module.state()].map(([name, { id }]) => [id, name]));
    const box = { names, low: sizesAt(0), high: sizesAt(1) };
    const takes = corners(names, box.low, box.high).map((sizes) => take(inputs, subject, sizes));
    const steps = align(takes, state, (values) => interpolate(names, box.low, box.high, values));
    const checked = take(inputs, subject, sizesAt(2));
    align([at(steps, takes[0] as Take, checked.sizes), checked], state, ([a, b]) =>
      a === b ? fixed(a ?? 0) : undefined,
    );
    const [first] = takes as [Take];
    return {
      inputs: inputs.map((input, i) => ({ ...input, id: first.inputs[i] ?? 0 })),
      state,
      steps,
      outputs: new Map(first.outputs),
    };
  });
}

/** Stands around the module while it is recorded, so that parts which `run` calls have their paths. */
class Subject extends Module<Tensor[], Readonly<Record<string, Tensor>>> {
  readonly #module: AnyModule;
  readonly #run: Run;
  constructor(module: AnyModule, run: Run) {
    super();
    this.#module = module;
    this.#run = run;
  }

  override children(): [string, AnyModule][] {
    const { name } = this.#module.constructor;
    return [[`${name.charAt(0).toLowerCase()}${name.slice(1)}`, this.#module]];
  }

  /** the inputs of the graph -> its outputs by name */
  protected forward(...inputs: Tensor[]): Readonly<Record<string, Tensor>> {
    return this.#run(...inputs);
  }
}

function take(inputs: readonly FreeInput[], subject: Subject, sizes: Sizes): Take {
  return scope(() =>
    noGrad(() => {
      const given = inputs.map(({ shape, dtype }) =>
        empty(
          shape.map((side) => (typeof side === "string" ? (sizes[side] ?? 0) : side)),
          { device: "meta", dtype },
        ),
      );
      const { result, recording } = record(() => {
        const made = subject.call(...given);
        return Object.entries(made).map(([name, { id }]) => [name, id] as const);
      });
      return { sizes, steps: recording.steps, inputs: given.map(({ id }) => id), outputs: result };
    }),
  );
}

/** The traced steps as they would have been recorded at given sizes: what the check compares with. */
function at(steps: readonly TracedStep[], { inputs, outputs }: Take, sizes: Sizes): Take {
  const number = (value: unknown): unknown => {
    if (value instanceof Map) return valueAt(value as Dimension, sizes);
    return Array.isArray(value) ? value.map(number) : value;
  };
  const tensor = ({ id, shape, dtype }: TracedValue): RecordedTensor => ({
    id,
    dtype,
    shape: shape.map((side) => valueAt(side, sizes)),
  });
  const recorded = steps.map(({ op, module, ...step }) => ({
    op,
    module,
    inputs: step.inputs.map(tensor),
    outputs: step.outputs.map(tensor),
    attributes: step.attributes.map(number),
  }));
  return { sizes, steps: recorded, inputs, outputs };
}

type Fit = (values: readonly number[]) => Dimension | undefined;

/** Walks through recordings of the same graph side by side. */
function align(takes: readonly Take[], state: ReadonlyMap<number, string>, fitted: Fit): TracedStep[] {
  const known = takes.map(({ inputs }) => new Map<number, string>(inputs.map((id, i) => [id, `input ${i}`])));
  for (const [id, name] of state) for (const origins of known) origins.set(id, name);
  const [first] = takes as [Take];
  if (takes.some(({ steps }) => steps.length !== first.steps.length)) throw dependsOnSize(takes, undefined);
  return first.steps.map((step, i) => {
    const rows = takes.map(({ steps }) => steps[i] as RecordedStep);
    const fail = (): never => {
      throw dependsOnSize(takes, step);
    };
    if (rows.some(({ op, outputs }) => op !== step.op || outputs.length !== step.outputs.length)) fail();
    const value = (tensors: readonly RecordedTensor[]): TracedValue => ({
      id: tensors[0]?.id ?? 0,
      dtype: tensors[0]?.dtype as DType,
      shape:
        (merged(
          tensors.map(({ shape }) => shape),
          fitted,
        ) as Dimension[] | undefined) ?? fail(),
    });
    const inputs = step.inputs.map((input, k) => {
      const origins = rows.map((row, t) => known[t]?.get(row.inputs[k]?.id ?? 0));
      if (origins[0] === undefined) throw madeOutside(step, input);
      return origins.every((origin) => origin === origins[0])
        ? value(rows.map((row) => row.inputs[k] as RecordedTensor))
        : fail();
    });
    const outputs = step.outputs.map((_, k) => value(rows.map((row) => row.outputs[k] as RecordedTensor)));
    for (const [t, row] of rows.entries())
      for (const [k, { id }] of row.outputs.entries()) known[t]?.set(id, `step ${i} ${k}`);
    const attributes = merged(
      rows.map((row) => row.attributes),
      fitted,
    ) as unknown[] | undefined;
    return { op: step.op as OpName, module: step.module, inputs, outputs, attributes: attributes ?? fail() };
  });
}

/** Values of the same place in each recording -> one value, numbers as dimensions; undefined where they do not agree. */
function merged(values: readonly unknown[], fitted: Fit): unknown {
  const [first] = values;
  if (typeof first === "number" && values.every((value) => typeof value === "number"))
    return values.every((value) => value === first) ? fixed(first) : fitted(values as number[]);
  if (Array.isArray(first)) {
    const lists = values as unknown[][];
    if (lists.some((list) => !Array.isArray(list) || list.length !== first.length)) return undefined;
    const items = first.map((_, i) =>
      merged(
        lists.map((list) => list[i]),
        fitted,
      ),
    );
    return items.some((item, i) => item === undefined && first[i] !== undefined) ? undefined : items;
  }
  if (typeof first === "object" && first !== null)
    return values.every((value) => JSON.stringify(value) === JSON.stringify(first)) ? first : undefined;
  return values.every((value) => value === first) ? first : undefined;
}

function shapeText({ shape }: RecordedTensor): string {
  return `[${shape.join(" ")}]`;
}

/** `layer_norm of [2 65 192]` */
function stepText({ op, inputs }: RecordedStep): string {
  return `${op} of ${inputs.map(shapeText).join(", ")}`;
}

function madeOutside(step: RecordedStep, input: RecordedTensor): StateError {
  return new StateError({
    problem: `${stepText(step)} takes a tensor ${shapeText(input)} that was made outside the recording.`,
    code: "outside",
    path: placeOf(step),
    expected: "inputs, parameters and buffers of the module, and what is computed of them",
    actual: shapeText(input),
    remedy: "Make it a Buffer of the module, or hand it in as an input.",
  });
}

function dependsOnSize(takes: readonly Take[], step: RecordedStep | undefined): StateError {
  const sizes = takes.map((one) => JSON.stringify(one.sizes));
  return new StateError({
    problem: `${step === undefined ? "the number of operations" : stepText(step)} changes with the size of the input (recorded at ${sizes.join(", ")}).`,
    code: "size-dependent",
    path: step === undefined ? "" : placeOf(step),
    expected: "the same operations at every size, their numbers linear in it",
    actual: step?.op,
    remedy: "Keep branches on shapes out of forward, or fix that dimension.",
  });
}
