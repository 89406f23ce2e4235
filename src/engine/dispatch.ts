import { type Binding, binding } from "./binding.js";
import { type DType, dtypeCode, dtypeName } from "./dtype.js";
import { EngineError } from "./errors.js";
import { disposedError, TensorRef } from "./handle.js";
import { type Schema, schemas } from "./ops.js";
import { isRecording, type RecordedTensor, recordStep, refuseWhileRecording } from "./record.js";
import { type ArgumentsOf, type Declared, type NameOf, type ResultOf, readSchema } from "./schema.js";
import { adopt } from "./scope.js";

export type OpName = NameOf<Schema>;
/** Name -> schema, worked out once: looking through the list for every operation costs the compiler minutes. */
type Table = { [S in Schema as NameOf<S>]: S };
type SchemaOf<N extends OpName> = Table[N];
export type OpArguments<N extends OpName, T> = ArgumentsOf<SchemaOf<N>, T>;
export type OpResult<N extends OpName, T> = ResultOf<SchemaOf<N>, T>;

/** A typed call of an ATen operation: `aten("layer_norm", x, [192], weight, bias, 1e-6)`. */
export type Dispatch<T> = <N extends OpName>(name: N, ...args: OpArguments<N, T> & unknown[]) => OpResult<N, T>;

interface Operation extends Declared {
  readonly index: number;
  readonly inPlace: boolean;
}

const declared = new Map<string, string>(schemas.map((schema) => [readSchema(schema).name, schema]));
const opened = new Map<string, Operation>();

function operation(name: string): Operation {
  const found = opened.get(name);
  if (found !== undefined) return found;
  const schema = declared.get(name);
  if (schema === undefined) {
    throw new EngineError({
      problem: `no operation is declared as ${name}.`,
      code: "unknown-op",
      expected: "an operation of src/engine/ops.ts",
      actual: name,
      remedy: "Add its schema to src/engine/ops.ts.",
    });
  }
  const inPlace = /_(\.|$)/.test(name);
  const made: Operation = { ...readSchema(schema), index: openSchema(schema), inPlace };
  opened.set(name, made);
  return made;
}

/** @throws EngineError where the installed libtorch lacks the operator or would refuse a call that the schema allows */
export function openSchema(schema: string): number {
  const addon = binding();
  try {
    return addon.open(schema);
  } catch (cause) {
    throw new EngineError({
      problem: `${firstLine(cause as Error)}.`,
      code: "schema-mismatch",
      expected: schema,
      actual: (cause as Error).message,
      remedy: "Lacuna needs libtorch 2.11 or newer: run npx lacuna setup, or correct src/engine/ops.ts.",
      cause,
    });
  }
}

/** Runs a call of the addon; what it throws becomes an error of ours. `args` are searched for a disposed tensor. */
export function guarded<R>(name: string, args: readonly unknown[], body: () => R): R {
  try {
    return body();
  } catch (error) {
    throw explain(name, args, error as Error & { code?: string });
  }
}

/**
 * The one door: makes the typed call for a tensor class. `wrap` builds a tensor from a handle.
 * Tensors that come out belong to the innermost scope.
 */
export function dispatcher<T extends TensorRef>(wrap: (id: number, origin: string) => T): Dispatch<T> {
  return ((name: OpName, ...given: unknown[]) => {
    const op = operation(name);
    if (op.inPlace && isRecording())
      refuseWhileRecording(`${name} changes a tensor in place`, "Use the form without the underscore.");
    const args = ordered(op, given);
    const listed = call(op, args);
    const wrapped = wrapResult(listed ?? words[0], name, wrap);
    if (isRecording()) recordStep(name, args, tensors(wrapped), describe, isTensor);
    return wrapped;
  }) as unknown as Dispatch<T>; // types hold at the call: schema.ts
}

/** Positional arguments and the options object -> the operator's own order. */
function ordered(op: Operation, given: unknown[]): unknown[] {
  const last = given[given.length - 1];
  const options = op.named.length > 0 && isOptions(last) ? last : undefined;
  const args = options === undefined ? given : given.slice(0, -1);
  if (args.length > op.positional.length) {
    throw wrong(op, `takes ${op.positional.length} positional arguments`, args.length, op.named);
  }
  if (options === undefined) return args;
  for (const key of Object.keys(options)) {
    if (!op.named.includes(key)) throw wrong(op, `has the options ${op.named.join(", ")}`, key, op.named);
  }
  while (args.length < op.positional.length) args.push(undefined);
  for (const name of op.named) args.push(options[name]);
  return args;
}

function wrong(op: Operation, expected: string, actual: unknown, named: readonly string[] = []): EngineError {
  const remedy = named.length > 0 ? `Options (${named.join(", ")}) come in an object at the end.` : undefined;
  return new EngineError({
    problem: `${op.name}: ${expected}, got ${actual}.`,
    code: "argument",
    expected,
    actual,
    remedy,
  });
}

function isOptions(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof TensorRef);
}

/** The frame's layout and the kinds of arguments, as native/frame.h has them. */
const layout = { arguments: 2, kinds: 30, lists: 34 } as const;
const kind = { undefined: 0, null: 1, boolean: 2, number: 3, list: 4, other: 5 } as const;

let words = new Float64Array(0);
let kinds = new Uint8Array(0);
/** `binding().call`, kept: looking it up among the addon's functions takes as long as writing the arguments. */
let native: Binding["call"];

/** Makes room in the frame for this number of words. What was written stays. */
function ensureFrame(size: number): void {
  if (size <= words.length) return;
  const before = words;
  words = new Float64Array(binding().frame(Math.max(2 * size, 1024)));
  words.set(before);
  kinds = new Uint8Array(words.buffer, layout.kinds * Float64Array.BYTES_PER_ELEMENT);
  native = binding().call;
}

/** What the frame does not hold of the call that is being written. */
let others: unknown[] = [];
/** The first word after the lists that were written. */
let end: number = layout.lists;

function call(op: Operation, args: readonly unknown[]): undefined | (number | number[])[] {
  ensureFrame(layout.lists);
  if (others.length > 0) others = [];
  end = layout.lists;
  for (let i = 0; i < args.length; i++) write(op, i, args[i]);
  words[0] = op.index;
  words[1] = args.length;
  try {
    return others.length === 0 ? native() : native(...others);
  } catch (error) {
    throw explain(op.name, args, error as Error & { code?: string });
  }
}

/** A handle is a number, so a number must never pass for a tensor nor a tensor for a number. */
function write(op: Operation, i: number, value: unknown): void {
  const wanted = op.kinds[i];
  if (value instanceof TensorRef) {
    if (wanted !== "tensor")
      throw wrongArgument(op, i, wanted === "tensors" ? "a list of tensors" : "no tensor", value);
    put(i, kind.number, value.id);
  } else if (value === undefined) kinds[i] = kind.undefined;
  else if (value === null) kinds[i] = kind.null;
  else if (wanted === "tensor") throw wrongArgument(op, i, "a tensor", value);
  else if (wanted === "tensors") writeTensors(op, i, value);
  else if (wanted === "dtype") put(i, kind.number, dtypeCode(value as DType));
  else if (typeof value === "number") put(i, kind.number, value);
  else if (typeof value === "boolean") put(i, kind.boolean, value ? 1 : 0);
  else if (Array.isArray(value)) writeNumbers(op, i, value);
  else put(i, kind.other, others.push(value) - 1);
}

function put(i: number, given: number, word: number): void {
  kinds[i] = given;
  words[layout.arguments + i] = word;
}

/** Begins a list of the frame; its elements go to the words from `end` on. */
function putList(i: number, length: number): void {
  ensureFrame(end + 1 + length);
  put(i, kind.list, end);
  words[end++] = length;
}

function writeTensors(op: Operation, i: number, value: unknown): void {
  if (!Array.isArray(value)) throw wrongArgument(op, i, "a list of tensors", value);
  putList(i, value.length);
  for (const item of value as unknown[]) {
    if (!(item instanceof TensorRef)) throw wrongArgument(op, i, "a list of tensors", item);
    words[end++] = item.id;
  }
}

function writeNumbers(op: Operation, i: number, value: readonly unknown[]): void {
  putList(i, value.length);
  for (const item of value) {
    if (typeof item !== "number") {
      if (value.some(isTensor)) throw wrongArgument(op, i, "no tensor", value);
      put(i, kind.other, others.push(value) - 1); // the addon says what is wrong with it
      return;
    }
    words[end++] = item;
  }
}

function wrongArgument(op: Operation, i: number, expected: string, value: unknown): EngineError {
  const name = op.positional[i] ?? op.named[i - op.positional.length];
  return wrong(op, `argument ${name}: expected ${expected}`, described(value));
}

function described(value: unknown): string {
  if (value instanceof TensorRef) return "a tensor";
  if (Array.isArray(value)) return `[${value.map(described).join(", ")}]`;
  return typeof value === "string" ? JSON.stringify(value) : typeof value === "object" ? "an object" : String(value);
}

function firstLine(error: Error): string {
  return (error.message.split("\n")[0] ?? "").replace(/[.\s]+$/, "");
}

function explain(name: string, args: readonly unknown[], error: Error & { code?: string }): Error {
  const given = tensors(args);
  if (error.code === "DISPOSED")
    return disposedError(
      given.find((tensor) => !tensor.alive),
      name,
    );
  if (error.code !== "LIBTORCH" && error.code !== "ARGUMENT") return error;
  const shapes = given.filter((tensor) => tensor.alive).map((tensor) => `[${binding().shape(tensor.id).join(" ")}]`);
  const listed = shapes.length === 0 ? "" : ` Arguments: ${shapes.join(", ")}.`;
  return new EngineError({
    problem: `${name}: ${firstLine(error)}.${listed}`,
    code: error.code === "LIBTORCH" ? "libtorch" : "argument",
    expected: "arguments that the operation takes",
    actual: shapes,
    cause: error,
  });
}

function wrapResult<T extends TensorRef>(
  result: unknown,
  name: string,
  wrap: (id: number, origin: string) => T,
): unknown {
  if (Array.isArray(result)) return result.map((item) => wrapResult(item, name, wrap));
  if (typeof result !== "number" || result === 0) return undefined;
  const tensor = wrap(result, name);
  adopt(tensor);
  return tensor;
}

function tensors(value: unknown): TensorRef[] {
  if (value instanceof TensorRef) return [value];
  return Array.isArray(value) ? value.flatMap(tensors) : [];
}

function isTensor(value: unknown): value is TensorRef {
  return value instanceof TensorRef;
}

function describe(tensor: TensorRef): RecordedTensor {
  const { id } = tensor;
  const addon = binding();
  return {
    id,
    shape: addon.shape(id),
    dtype: dtypeName(addon.dtype(id)),
    storage: addon.storageId(id),
    contiguous: addon.isContiguous(id),
  };
}
