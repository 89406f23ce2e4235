import type { OpName } from "../../../engine/dispatch.js";
import { constantOf, type Dimension, fixed } from "../../dimension.js";
import type { TracedStep, TracedValue } from "../../trace.js";
import { type ExportError, type Graph, type GraphValue, unsupported } from "../graph.js";
import type { ElementType } from "../schema.js";

/** How an operation is written; what comes out, one value for each result. */
export type Rule = (call: Call, graph: Graph) => GraphValue | readonly GraphValue[];
/** An operation that ONNX cannot hold, or that has no place in a model that is used: what to do instead. */
export interface Unsupported {
  readonly unsupported: string;
}
export type Rules = { readonly [O in OpName]?: Rule | Unsupported };

/** One traced step with its arguments, read by position in the operator's order. */
export class Call {
  constructor(
    readonly step: TracedStep,
    private readonly graph: Graph,
    private readonly inputs: readonly GraphValue[],
  ) {}

  get out(): TracedValue {
    return this.step.outputs[0] as TracedValue;
  }
  get shape(): readonly Dimension[] {
    return this.out.shape;
  }

  refuse(actual: string, remedy: string): ExportError {
    return unsupported(this.step, actual, remedy);
  }

  #value(i: number): unknown {
    return this.step.attributes[i] ?? undefined;
  }

  maybe(i: number): GraphValue | null {
    const value = this.#value(i) as { tensor: number } | undefined;
    return value === undefined ? null : (this.inputs[value.tensor] ?? null);
  }

  tensor(i: number): GraphValue {
    const found = this.maybe(i);
    if (found === null) throw this.refuse(`argument ${i} is no tensor`, "Hand a tensor in.");
    return found;
  }

  tensors(i: number): GraphValue[] {
    const list = this.#value(i) as { tensor: number }[];
    return list.map(({ tensor }) => this.inputs[tensor] as GraphValue);
  }

  has(i: number): boolean {
    return this.#value(i) !== undefined;
  }

  /** A number, the same at every size. */
  number(i: number, otherwise?: number): number {
    const value = this.#value(i) ?? (otherwise === undefined ? undefined : fixed(otherwise));
    return this.#constant(value);
  }

  #constant(value: unknown): number {
    if (typeof value === "boolean") return Number(value);
    const constant = value instanceof Map ? constantOf(value) : undefined;
    if (constant === undefined)
      throw this.refuse("a number that must be fixed follows from the input's size", "Fix that dimension.");
    return constant;
  }

  numbers(i: number): number[] {
    const value = this.#value(i);
    if (Array.isArray(value)) return value.map((item) => this.#constant(item));
    return value === undefined ? [] : [this.#constant(value)];
  }

  dimension(i: number): Dimension | undefined {
    return this.#value(i) as Dimension | undefined;
  }

  dimensions(i: number): Dimension[] {
    return this.#value(i) as Dimension[];
  }

  flag(i: number, otherwise = false): boolean {
    return (this.#value(i) as boolean | undefined) ?? otherwise;
  }

  text(i: number, otherwise: string): string {
    return (this.#value(i) as string | undefined) ?? otherwise;
  }

  /** An axis counted from the front. */
  axis(i: number, otherwise?: number, rank = this.tensor(0).shape.length): number {
    const axis = this.number(i, otherwise);
    return axis < 0 ? axis + rank : axis;
  }

  /** A list of axes counted from the front; none given means all. */
  axes(i: number): number[] {
    const rank = this.tensor(0).shape.length;
    const given = this.numbers(i);
    return given.length === 0
      ? Array.from({ length: rank }, (_, axis) => axis)
      : given.map((a) => (a < 0 ? a + rank : a));
  }

  /** A number of the type of what it meets; one that follows from the input's size is read when the file is run. */
  scalar(i: number, type: ElementType): GraphValue {
    const value = this.#value(i);
    if (!(value instanceof Map) || constantOf(value as Dimension) !== undefined)
      return this.graph.scalar(this.number(i), type);
    return this.graph.cast(this.graph.integers([value as Dimension]), type);
  }

  /** A side that must not be free. */
  side(value: GraphValue, axis: number): number {
    return this.#constant(value.shape.at(axis));
  }
}
