import { LacunaError } from "../../errors.js";
import { constantOf, type Dimension, dimensionText, factorsOf, fixed } from "../dimension.js";
import { placeOf, type TracedStep, type TracedValue } from "../trace.js";
import { type AttributeProto, attributeTypes, type ElementType, elementTypes } from "./schema.js";

/** What an ONNX file cannot hold, with the step and what to do instead. */
export class ExportError extends LacunaError {}

/** A tensor of the ONNX graph. */
export interface GraphValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dimension[];
  /** The name in the module's state, where this is a parameter (perhaps under another shape). */
  readonly weight?: string;
}

export interface GraphNode {
  readonly name: string;
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly AttributeProto[];
}

/** A constant of the file. */
export interface Constant {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Numbers that the export itself made, or where they come from in the module's state. */
  readonly data: readonly number[] | { readonly weight: string; readonly form: WeightForm };
}

/** How a parameter is stored: as it is, as a matrix turned over, or as eight-bit numbers and their scales. */
export type WeightForm = "plain" | "transposed" | "quantized" | "scales";
export type Precision = "fp32" | "fp16" | "int8";

type AttributeValue = number | string | readonly number[] | { readonly float: number };

export interface MadeOf {
  readonly shape: readonly Dimension[];
  /** The first input's if absent. */
  readonly type?: ElementType;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

const float16Smallest = 1e-7; // below this a number is nothing in float16

/** An ONNX graph while it is made, one traced step after the other. */
export class Graph {
  readonly nodes: GraphNode[] = [];
  readonly constants = new Map<string, Constant>();
  readonly values = new Map<string, GraphValue>();
  readonly #producers = new Map<string, GraphNode>();
  readonly #names = new Set<string>();
  readonly #made = new Map<string, readonly GraphValue[]>();
  readonly #sizes = new Map<string, GraphValue>();
  #place = "";

  constructor(
    readonly precision: Precision,
    /** Where the size of a free dimension is read: an input and its axis. */
    private readonly freeSizes: ReadonlyMap<string, { readonly input: string; readonly axis: number }>,
  ) {}

  /** Names of what follows begin with this module path. */
  at(path: string): void {
    this.#place = path;
  }

  /** Adds a node with one output. */
  make(type: string, inputs: readonly (GraphValue | null)[], made: MadeOf): GraphValue {
    return this.makeSeveral(type, inputs, [made], made.attributes)[0] as GraphValue;
  }

  makeSeveral(
    type: string,
    inputs: readonly (GraphValue | null)[],
    made: readonly MadeOf[],
    attributes: MadeOf["attributes"] = {},
  ): GraphValue[] {
    const names = inputs.map((input) => (input === null ? "" : this.#used(input)));
    const key = JSON.stringify([type, names, attributes]);
    const again = type === "Identity" ? undefined : this.#made.get(key);
    if (again !== undefined) return [...again]; // the same node of the same inputs
    const name = this.#unique(this.#place === "" ? type : `${this.#place}/${type}`);
    const outputs = made.map(({ shape, type: own }, i) => ({
      name: made.length === 1 ? `${name}:0` : `${name}:${i}`,
      type: own ?? inputs[0]?.type ?? "float32",
      shape,
    }));
    const node = {
      name,
      type,
      inputs: names,
      outputs: outputs.map((output) => output.name),
      attributes: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    };
    this.nodes.push(node);
    for (const output of outputs) {
      this.#producers.set(output.name, node);
      this.values.set(output.name, output);
    }
    this.#made.set(key, outputs);
    return outputs;
  }

  /** Gives the result of the last node a name of its own: an output of the file. */
  rename(name: string): GraphValue {
    const node = this.nodes.pop() as GraphNode;
    const value = this.values.get(node.outputs[0] ?? "") as GraphValue;
    this.nodes.push({ ...node, outputs: [name] });
    const renamed = { ...value, name };
    this.values.set(name, renamed);
    return renamed;
  }

  #unique(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.#names.has(name); i++) name = `${wanted}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** The node that made a value; undefined for inputs and constants. */
  producer({ name }: GraphValue): GraphNode | undefined {
    return this.#producers.get(name);
  }

  value(name: string): GraphValue | undefined {
    return this.values.get(name);
  }

  /** A parameter enters the file when a node uses it. */
  #used({ weight, name, shape, type }: GraphValue): string {
    if (weight !== undefined) this.#store({ name, type, shape: shape.map(wholeOf), data: { weight, form: "plain" } });
    return name;
  }

  #store(constant: Constant): GraphValue {
    if (!this.constants.has(constant.name)) this.constants.set(constant.name, constant);
    const value = { name: constant.name, type: constant.type, shape: constant.shape.map(fixed) };
    this.values.set(constant.name, value);
    return value;
  }

  /** A number of a type, without dimensions. */
  scalar(value: number, type: ElementType): GraphValue {
    const kept = type === "float16" && value !== 0 && Math.abs(value) < float16Smallest ? float16Smallest : value;
    return this.#store({ name: `constant/${type}/${kept}`, type, shape: [], data: [kept] });
  }

  /** One number in every place of a fixed shape. */
  filled(value: number, shape: readonly number[], type: ElementType): GraphValue {
    const count = shape.reduce((product, side) => product * side, 1);
    const name = `constant/${type}/${value}[${shape.join(",")}]`;
    return this.#store({ name, type, shape, data: Array<number>(count).fill(value) });
  }

  list(values: readonly number[], type: ElementType): GraphValue {
    return this.#store({ name: `constant/${type}/[${values.join(",")}]`, type, shape: [values.length], data: values });
  }

  /** Whole numbers, some of them known only when the file is run -> int64 [n] */
  integers(values: readonly (number | Dimension)[]): GraphValue {
    const whole = values.map((value) => (typeof value === "number" ? value : constantOf(value)));
    if (whole.every((value) => value !== undefined)) return this.list(whole, "int64");
    const parts = values.map((value) => (typeof value === "number" ? this.list([value], "int64") : this.#size(value)));
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return only;
    return this.make("Concat", parts, { shape: [fixed(values.length)], attributes: { axis: 0 } });
  }

  /** int64 [1] */
  #size(dimension: Dimension): GraphValue {
    const constant = constantOf(dimension);
    if (constant !== undefined) return this.list([constant], "int64");
    const text = dimensionText(dimension);
    const known = this.#sizes.get(text);
    if (known !== undefined) return known;
    const place = this.#place;
    this.at("sizes");
    const one = [fixed(1)];
    const terms = [...dimension].filter(([, coefficient]) => coefficient !== 0);
    const products = terms.map(([monomial, coefficient]) => {
      const factors = factorsOf(monomial).map((name) => this.#freeSize(name));
      const all = coefficient === 1 && factors.length > 0 ? factors : [...factors, this.list([coefficient], "int64")];
      return all.reduce((a, b) => this.make("Mul", [a, b], { shape: one }));
    });
    const made = products.reduce((a, b) => this.make("Add", [a, b], { shape: one }));
    this.at(place);
    this.#sizes.set(text, made);
    return made;
  }

  #freeSize(name: string): GraphValue {
    const known = this.#sizes.get(name);
    if (known !== undefined) return known;
    const { input, axis } = this.freeSizes.get(name) ?? { input: "", axis: 0 };
    const from = { name: input, type: "float32", shape: [] } as const;
    const attributes = { start: axis, end: axis + 1 };
    const made = this.make("Shape", [from], { shape: [fixed(1)], type: "int64", attributes });
    this.#sizes.set(name, made);
    return made;
  }

  cast(value: GraphValue, type: ElementType): GraphValue {
    if (value.type === type) return value;
    const attributes = { to: elementTypes[type] };
    return this.make("Cast", [value], { shape: value.shape, type, attributes });
  }

  /**
   * weight [O I] -> a matrix [I O] for products from the right, which is how runtimes want it. In int8 it is stored as
   * eight bits with a scale for each output.
   */
  matrix(value: GraphValue): GraphValue {
    const { weight, shape } = value;
    const [rows, columns] = shape as [Dimension, Dimension];
    const turned = [columns, rows];
    if (weight === undefined) return this.make("Transpose", [value], { shape: turned, attributes: { perm: [1, 0] } });
    const sides = turned.map(wholeOf);
    const name = `${weight}.T`;
    if (this.precision !== "int8")
      return this.#store({ name, type: value.type, shape: sides, data: { weight, form: "transposed" } });
    const eight = this.#store({
      name: `${name}.int8`,
      type: "int8",
      shape: sides,
      data: { weight, form: "quantized" },
    });
    const scales = { weight, form: "scales" } as const;
    const scale = this.#store({ name: `${name}.scale`, type: "float32", shape: sides.slice(1), data: scales });
    return this.make("DequantizeLinear", [eight, scale], { shape: turned, type: "float32", attributes: { axis: 1 } });
  }

  /** The type in which a step computes: as recorded, or float16 where weights have made an operand so. */
  typeOf(made: TracedValue, operands: readonly GraphValue[]): ElementType {
    return made.dtype === "float32" && operands.some(({ type }) => type === "float16") ? "float16" : made.dtype;
  }
}

function wholeOf(dimension: Dimension): number {
  return constantOf(dimension) ?? 0;
}

function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === "number") return { name, type: attributeTypes.int, i: value };
  if (typeof value === "string") return { name, type: attributeTypes.string, s: Buffer.from(value) };
  if (Array.isArray(value)) return { name, type: attributeTypes.ints, ints: value as number[] };
  return { name, type: attributeTypes.float, f: (value as { float: number }).float };
}

/** The step at fault, as errors name it: `layer_norm in blocks.0.norm1`. */
export function unsupported(step: TracedStep, actual: string, remedy: string): ExportError {
  return new ExportError({
    problem: `${step.op} cannot be written as ONNX: ${actual}.`,
    code: "onnx-unsupported",
    path: placeOf(step),
    expected: "an operation with a rule in src/graph/onnx/rules",
    actual: step.op,
    remedy,
  });
}
