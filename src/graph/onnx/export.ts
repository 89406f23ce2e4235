/**
 * A module as an ONNX file. The graph is what was recorded at the dispatch door: models know nothing of it. Nodes are named by
 * module path (`blocks.0.attn.qkv/MatMul`) and weights by their names in the state; a linear layer's matrix stands turned over
 * under its name with `.T`.
 */
import { basename } from "node:path";
import type { OpName } from "../../engine/dispatch.js";
import { StateError } from "../../engine/errors.js";
import type { Module } from "../../nn/module.js";
import { AtomicFile, writeAtomic } from "../../runs/write-atomic.js";
import type { Tensor } from "../../tensor/tensor.js";
import { constantOf, dimensionText, fixed, free } from "../dimension.js";
import { type FreeInput, type Probes, placeOf, type Trace, type TracedStep, trace } from "../trace.js";
import { type Constant, Graph, type GraphNode, type GraphValue, type Precision, unsupported } from "./graph.js";
import { Call } from "./rules/call.js";
import { rules } from "./rules/index.js";
import { elementTypes, encodeModel, type ModelProto, type TensorProto, type ValueInfoProto } from "./schema.js";
import { constantBytes } from "./weights.js";

/** ONNX 1.13: layer normalisation and reductions with axes as inputs; read by every runtime of the last years. */
const opset = 18;
const irVersion = 8;

/** A further output that is no result of `run`: the last result inside a module, or its last of one operation. */
export interface Tap {
  readonly name: string;
  /** `blocks.3` */
  readonly module: string;
  readonly op?: OpName;
}

/** How a module is recorded, and what the file says of itself. */
export interface OnnxOptions {
  /** Of the graph: what the file computes. */
  readonly name: string;
  readonly inputs: readonly FreeInput[];
  /** Calls the module; every result becomes an output of its name. */
  readonly run: (...inputs: Tensor[]) => Readonly<Record<string, Tensor>>;
  /** Sizes of each free dimension at which the module is recorded. */
  readonly probes: Probes;
  readonly taps?: readonly Tap[];
  /** fp16: weights and what is computed with them; int8: matrices of linear layers, stored only. Default fp32. */
  readonly precision?: Precision;
  /** What inputs and outputs are, by name. */
  readonly descriptions?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly producer: { readonly version: string };
  /** Weights above this number of bytes go into a second file; default 1.9 GB, protobuf's limit being 2 GiB. */
  readonly mostBytes?: number;
}

/** A file that is ready to be written; weights are read then. */
export interface OnnxFile {
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  readonly nodes: readonly GraphNode[];
  /** Bytes of all constants. */
  readonly weightBytes: number;
  /** The whole file. @throws StateError from 2 GB on, which is the format's limit: write it to disk then */
  bytes(): Uint8Array;
  /**
   * Writes the file; from 2 GB on with its weights beside it in `<path>.data`. An earlier file stays until the new one is whole.
   * @returns the files @throws FileError
   */
  write(path: string): string[];
}

/**
 * Records a module and makes an ONNX file of what it did: opset 18, free sides kept free. Nothing is written yet.
 * @throws StateError, see `trace`; ExportError for an operation that ONNX cannot hold
 */
export function exportOnnx(module: Module<never[], unknown>, options: OnnxOptions): OnnxFile {
  const traced = trace(module, options.inputs, options.run, options.probes);
  const graph = new Graph(options.precision ?? "fp32", freeSizes(options.inputs));
  const values = translate(traced, graph);
  const outputs = nameOutputs(traced, graph, values, options.taps ?? []);
  const nodes = needed(graph.nodes, new Set(outputs.map(({ name }) => name)));
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const constants = [...graph.constants.values()].filter(({ name }) => used.has(name));
  const describe = (value: GraphValue): ValueInfoProto => infoOf(value, options.descriptions?.[value.name]);
  const parts = {
    nodes,
    constants,
    inputs: traced.inputs.map(({ id }) => describe(values.get(id) as GraphValue)),
    outputs: outputs.map(describe),
    between: nodes.flatMap((node) => node.outputs).flatMap((name) => graph.value(name) ?? []),
  };
  const state = module.state();
  const limit = options.mostBytes ?? mostBytes;
  const weightBytes = constants.reduce((sum, constant) => sum + constantSize(constant), 0);
  return {
    inputs: parts.inputs,
    outputs: parts.outputs,
    nodes,
    weightBytes,
    bytes: () => {
      if (weightBytes > limit) throw tooLarge(weightBytes, limit);
      return encodeModel(modelOf(options, parts, (constant) => inFile(constant, state)));
    },
    write: (path) => {
      const encode = (store: Store): Uint8Array => encodeModel(modelOf(options, parts, store));
      return weightBytes > limit ? writeBeside(path, encode, state) : writeOne(path, encode, state);
    },
  };
}

function freeSizes(inputs: readonly FreeInput[]): Map<string, { input: string; axis: number }> {
  const found = new Map<string, { input: string; axis: number }>();
  for (const { name, shape } of inputs)
    for (const [axis, side] of shape.entries())
      if (typeof side === "string" && !found.has(side)) found.set(side, { input: name, axis });
  return found;
}

/** Every step through its rule. @returns the values by the ids of the trace */
function translate(traced: Trace, graph: Graph): Map<number, GraphValue> {
  const values = new Map<number, GraphValue>();
  for (const { id, name, shape, dtype } of traced.inputs) {
    const sides = shape.map((side) => (typeof side === "string" ? free(side) : fixed(side)));
    values.set(id, { name, type: dtype, shape: sides });
  }
  for (const step of traced.steps) {
    const rule = rules[step.op];
    if ("unsupported" in rule) throw unsupported(step, "it has no form there", rule.unsupported);
    graph.at(placeOf(step));
    const inputs = step.inputs.map((input) => values.get(input.id) ?? parameter(traced, graph, input));
    const made = rule(new Call(step, graph, inputs), graph);
    const list = Array.isArray(made) ? (made as readonly GraphValue[]) : [made as GraphValue];
    for (const [i, { id }] of step.outputs.entries()) values.set(id, list[i] as GraphValue);
  }
  return values;
}

function parameter(traced: Trace, graph: Graph, { id, shape, dtype }: TracedStep["inputs"][number]): GraphValue {
  const weight = traced.state.get(id) ?? "";
  const type = graph.precision === "fp16" && dtype === "float32" ? "float16" : dtype;
  return { name: weight, type, shape, weight };
}

/** Gives outputs their names, in float32 where they were computed in float16. */
function nameOutputs(
  traced: Trace,
  graph: Graph,
  values: ReadonlyMap<number, GraphValue>,
  taps: readonly Tap[],
): GraphValue[] {
  graph.at("outputs");
  const wanted: (readonly [string, number])[] = [...traced.outputs, ...taps.map((tap) => tapped(traced, tap))];
  return wanted.map(([name, id]) => {
    const value = values.get(id) as GraphValue;
    const wide = value.type === "float16" ? graph.cast(value, "float32") : value;
    graph.make("Identity", [wide], { shape: wide.shape });
    return graph.rename(name);
  });
}

function tapped({ steps }: Trace, { name, module, op }: Tap): readonly [string, number] {
  const isInside = (step: TracedStep): boolean => `${placeOf(step)}.`.startsWith(`${module}.`);
  const found = steps.findLast((step) => isInside(step) && (op === undefined || step.op === op));
  if (found !== undefined) return [name, found.outputs[0]?.id ?? 0];
  throw new StateError({
    problem: `nothing was recorded in ${module}${op === undefined ? "" : ` by ${op}`}.`,
    code: "no-such-module",
    path: module,
    expected: "the path of a module that runs",
    actual: module,
  });
}

/** The nodes on which outputs depend. */
function needed(nodes: readonly GraphNode[], wanted: Set<string>): GraphNode[] {
  const kept = nodes.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((name) => wanted.has(name))) return false;
    for (const name of inputs) wanted.add(name);
    return true;
  });
  return kept.reverse();
}

function infoOf({ name, type, shape }: GraphValue, docString?: string): ValueInfoProto {
  const dim = shape.map((side) => {
    const constant = constantOf(side);
    return constant === undefined ? { dimParam: dimensionText(side) } : { dimValue: constant };
  });
  const tensorType = { elemType: elementTypes[type], shape: { dim } };
  return { name, type: { tensorType }, ...(docString === undefined ? {} : { docString }) };
}

interface Parts {
  readonly nodes: readonly GraphNode[];
  readonly constants: readonly Constant[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  readonly between: readonly GraphValue[];
}

type Store = (constant: Constant) => TensorProto;

function modelOf(
  options: OnnxOptions,
  { nodes, constants, inputs, outputs, between }: Parts,
  store: Store,
): ModelProto {
  const results = new Set(outputs.map(({ name }) => name));
  return {
    irVersion,
    opsetImport: [{ domain: "", version: opset }],
    producerName: "lacuna",
    producerVersion: options.producer.version,
    docString: "",
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
    graph: {
      name: options.name,
      node: nodes.map((node) => ({
        name: node.name,
        opType: node.type,
        input: node.inputs,
        output: node.outputs,
        attribute: node.attributes,
      })),
      initializer: constants.map(store),
      input: inputs,
      output: outputs,
      valueInfo: between.filter(({ name }) => !results.has(name)).map((value) => infoOf(value)),
    },
  };
}

/** protobuf's own limit is 2 GiB for a whole message. */
export const mostBytes = 1.9e9;
/** Below this a constant stays in the file itself. */
const smallBytes = 1024;

const widths: Partial<Record<Constant["type"], number>> = { float16: 2, bfloat16: 2, int16: 2, int64: 8, float64: 8 };
function constantSize({ type, shape }: Constant): number {
  const width = widths[type] ?? (["int8", "uint8", "bool"].includes(type) ? 1 : 4);
  return shape.reduce((product, side) => product * side, width);
}

function inFile(constant: Constant, state: ReadonlyMap<string, Tensor>): TensorProto {
  return { ...headOf(constant), rawData: constantBytes(constant, state) };
}

function headOf({ name, shape, type }: Constant): TensorProto {
  return { name, dims: shape, dataType: elementTypes[type] };
}

function writeOne(path: string, encode: (store: Store) => Uint8Array, state: ReadonlyMap<string, Tensor>): string[] {
  writeAtomic(
    path,
    encode((constant) => inFile(constant, state)),
  );
  return [path];
}

/** The weights one after the other in a second file, named in the first by its name alone: the two stay together. */
function writeBeside(path: string, encode: (store: Store) => Uint8Array, state: ReadonlyMap<string, Tensor>): string[] {
  using beside = new AtomicFile(`${path}.data`);
  using model = new AtomicFile(path);
  const encoded = encode((constant) => {
    if (constantSize(constant) <= smallBytes) return inFile(constant, state);
    const bytes = constantBytes(constant, state);
    const place = { location: basename(beside.path), offset: String(beside.size), length: String(bytes.byteLength) };
    beside.write(bytes);
    const externalData = Object.entries(place).map(([key, value]) => ({ key, value }));
    return { ...headOf(constant), dataLocation: 1, externalData };
  });
  model.write(encoded);
  AtomicFile.commit(beside, model);
  return [path, beside.path];
}

function tooLarge(bytes: number, limit: number): StateError {
  return new StateError({
    problem: `${(bytes / 1e9).toFixed(1)} GB of weights do not fit into one ONNX file.`,
    code: "onnx-size",
    expected: `at most ${limit / 1e9} GB`,
    actual: bytes,
    remedy: "Write it to disk, where weights can stand in a second file, or choose fp16 or int8.",
  });
}
