import { type DType, dtypeBytes } from "../engine/dtype.js";
import { CheckpointError } from "../engine/errors.js";
import { noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import type { Dtype, RawTensor } from "../formats/dtype.js";
import type { TensorToWrite } from "../formats/safetensors.js";
import { type Tensor, tensor } from "../tensor/tensor.js";

const names: Partial<Record<Dtype, DType>> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
};
const codes = new Map(Object.entries(names).map(([code, name]) => [name, code as Dtype]));

/** A tensor of a file -> a tensor of the engine. @throws CheckpointError for types that libtorch's CPU lacks */
export function tensorOf(raw: RawTensor): Tensor {
  const dtype = names[raw.dtype];
  if (dtype === undefined) {
    throw new CheckpointError({
      problem: `tensors of type ${raw.dtype} cannot be loaded.`,
      code: "dtype",
      expected: Object.keys(names),
      actual: raw.dtype,
    });
  }
  const bytes = raw.data.byteLength === 0 ? new Uint8Array(0) : raw.data;
  return tensor(bytes, raw.shape, { dtype });
}

/** A tensor of the engine -> what a file holds. */
export function rawOf(value: Tensor): TensorToWrite {
  const dtype = codes.get(value.dtype) ?? "F32";
  return { dtype, shape: [...value.shape], data: () => value.toBytes() };
}

/** What a state asks of a file: names, shapes and data. */
export interface WeightSource {
  readonly path: string;
  readonly names: readonly string[];
  entry(name: string): { readonly shape: readonly number[] };
  read(name: string): RawTensor;
}

const some = (list: readonly string[]): string =>
  list.length > 4 ? `${list.slice(0, 4).join(", ")}, …` : list.join(", ");

/**
 * Copies a file's tensors into a state, by name, converting the type where it differs. Nothing is changed unless every
 * name and shape fits. @param strict false: load what fits by name, leave the rest. @returns the names left alone
 * @throws CheckpointError that names what is missing, unexpected or of another shape
 */
export function loadState(
  state: ReadonlyMap<string, Tensor>,
  source: WeightSource,
  { strict = true, prefix = "" } = {},
): string[] {
  const offered = new Set(
    source.names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)),
  );
  const missing = [...state.keys()].filter((name) => !offered.has(name));
  const unexpected = [...offered].filter((name) => !state.has(name));
  if (strict && missing.length + unexpected.length > 0) throw mismatch(source.path, missing, unexpected);
  const shared = [...state].filter(([name]) => offered.has(name));
  for (const [name, own] of shared) checkShape(source, name, own, prefix);
  for (const [name, own] of shared) noGrad(() => scope(() => void own.copy_(tensorOf(source.read(prefix + name)))));
  return missing;
}

function mismatch(path: string, missing: string[], unexpected: string[]): CheckpointError {
  const parts = [
    ...(missing.length > 0 ? [`${missing.length} tensors missing (${some(missing)})`] : []),
    ...(unexpected.length > 0 ? [`${unexpected.length} unexpected (${some(unexpected)})`] : []),
  ];
  return new CheckpointError({
    problem: `${parts.join(", ")}.`,
    code: "names",
    path,
    expected: missing,
    actual: unexpected,
    remedy: "The file belongs to another model; pass { strict: false } to load what fits.",
  });
}

function checkShape(source: WeightSource, name: string, own: Tensor, prefix: string): void {
  const { shape } = source.entry(prefix + name);
  if (shape.length === own.rank && shape.every((side, i) => side === own.shape[i])) return;
  throw new CheckpointError({
    problem: `${name} has shape [${shape.join(" ")}], the model wants [${own.shape.join(" ")}].`,
    code: "shape",
    path: source.path,
    expected: own.shape,
    actual: shape,
    remedy: "Build the model with the sizes that the file was made with.",
  });
}

/** Bytes that a state takes. */
export function stateBytes(state: ReadonlyMap<string, Tensor>): number {
  return [...state.values()].reduce((sum, value) => sum + value.size * dtypeBytes(value.dtype), 0);
}
