import { binding } from "./binding.js";
import { dtypeCode, dtypeName, type DType } from "./dtype.js";
import { EngineError, LacunaError } from "./errors.js";
import { disposedError, TensorRef } from "./handle.js";
import { type Schema, schemas } from "./ops.js";
import { isRecording, recordStep, refuseWhileRecording, type RecordedTensor } from "./record.js";
import { type ArgumentsOf, type Declared, type NameOf, readSchema, type ResultOf } from "./schema.js";
import { adopt } from "./scope.js";

export type OpName = NameOf<Schema>;
type SchemaOf<N extends OpName> = { [S in Schema]: NameOf<S> extends N ? S : never }[Schema];
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
    throw new EngineError(`no operation is declared as ${name}.`, { code: "unknown-op", remedy: "Add its schema to src/engine/ops.ts." });
  }
  let index: number;
  try {
    index = binding().open(schema);
  } catch (cause) {
    throw cause instanceof LacunaError ? cause : new EngineError((cause as Error).message, { code: "schema-mismatch", expected: schema, cause });
  }
  const inPlace = /_(\.|$)/.test(name);
  const made: Operation = { ...readSchema(schema), index, inPlace };
  opened.set(name, made);
  return made;
}

/**
 * The one door: makes the typed call for a tensor class. `wrap` builds a tensor from a handle.
 * Tensors that come out belong to the innermost scope.
 */
export function dispatcher<T extends TensorRef>(wrap: (id: number, origin: string) => T): Dispatch<T> {
  return ((name: OpName, ...given: unknown[]) => {
    const op = operation(name);
    if (op.inPlace && isRecording()) refuseWhileRecording(`${name} changes a tensor in place`, "Use the form without the underscore.");
    const args = ordered(op, given);
    const result = call(op, args);
    const wrapped = wrapResult(result, name, wrap);
    if (isRecording()) recordStep(name, args, tensors(wrapped), describe, isTensor);
    return wrapped;
  }) as Dispatch<T>;
}

/** Positional arguments and the options object -> the operator's own order. */
function ordered(op: Operation, given: unknown[]): unknown[] {
  if (op.named.length === 0) return given;
  const last = given.at(-1);
  if (!isOptions(last)) return given;
  const args = given.slice(0, -1);
  while (args.length < op.positional.length) args.push(undefined);
  for (const name of op.named) args.push(last[name]);
  return args;
}

function isOptions(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof TensorRef);
}

function call(op: Operation, args: readonly unknown[]): unknown {
  const raw: unknown[] = new Array(args.length);
  for (let i = 0; i < args.length; i++) raw[i] = toNative(op, i, args[i]);
  try {
    return binding().call(op.index, ...raw);
  } catch (error) {
    throw explain(op, args, error as Error & { code?: string });
  }
}

function toNative(op: Operation, i: number, value: unknown): unknown {
  if (value instanceof TensorRef) return value.id;
  if (Array.isArray(value)) return value.map((item: unknown) => (item instanceof TensorRef ? item.id : item));
  if (typeof value === "string" && op.dtypes.has(i)) return dtypeCode(value as DType);
  return value;
}

function explain(op: Operation, args: readonly unknown[], error: Error & { code?: string }): Error {
  if (error.code === "DISPOSED") {
    const at = args[Number(error.message)];
    const stale = Array.isArray(at) ? at.find((item) => item instanceof TensorRef && !item.alive) : at;
    return disposedError(stale as TensorRef | undefined, op.name);
  }
  const shapes = args.flatMap((value) => (value instanceof TensorRef && value.alive ? [`[${binding().shape(value.id).join(" ")}]`] : []));
  const first = error.message.split("\n")[0] ?? error.message;
  return new EngineError(`${op.name}: ${first}${/[.!?]$/.test(first) ? "" : "."}${shapes.length === 0 ? "" : ` Arguments: ${shapes.join(", ")}.`}`, {
    code: error.code === "LIBTORCH" ? "libtorch" : "argument",
    actual: shapes,
    cause: error,
  });
}

function wrapResult<T extends TensorRef>(result: unknown, name: string, wrap: (id: number, origin: string) => T): unknown {
  if (Array.isArray(result)) return result.map((item) => wrapResult(item, name, wrap));
  if (typeof result !== "number" || result === 0) return result;
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
  return { id: tensor.id, shape: binding().shape(tensor.id), dtype: dtypeName(binding().dtype(tensor.id)) };
}
