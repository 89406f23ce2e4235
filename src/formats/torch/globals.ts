/** The only names that a pickle may say, and what each becomes: plain data, whatever Python would have made of it. */
import { byteLength, type Dtype, elementBytes } from "../dtype.js";

/** What was expected where a pickle has something else; whoever knows the file makes a FormatError of it. */
export class Unfit extends Error {}

/** What a pickle can hold. Tuples are frozen arrays; an OrderedDict is a Map like a dict. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly PickleValue[]
  | Map<PickleValue, PickleValue>
  | Namespace
  | Storage
  | TorchTensor
  | Global;

/** An argparse.Namespace: the options a script was started with, as data. */
export class Namespace {
  fields: ReadonlyMap<PickleValue, PickleValue> = new Map();
}

/** A run of elements in the file that tensors are views of. */
export class Storage {
  constructor(
    readonly key: string,
    /** Undefined for an UntypedStorage, counted in bytes. */
    readonly dtype: Dtype | undefined,
    readonly bytes: number,
  ) {}
}

/** A view of a storage. Offsets and strides are in elements. */
export class TorchTensor {
  constructor(
    readonly storage: Storage,
    readonly dtype: Dtype,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** A name that a pickle may say: inert, until `apply`, `create` or `storageOf` make something of it. */
export class Global {
  constructor(
    readonly name: string,
    readonly kind: "ordered" | "namespace" | "size" | "tensor" | "typedTensor" | "parameter" | "storage" | "dtype",
    readonly dtype?: Dtype,
  ) {}
}

const dtypes: Readonly<Record<string, Dtype>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  complex64: "C64",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint64: "U64",
  uint32: "U32",
  uint16: "U16",
  uint8: "U8",
  bool: "BOOL",
  float8_e4m3fn: "F8_E4M3",
  float8_e5m2: "F8_E5M2",
  float8_e4m3fnuz: "F8_E4M3FNUZ",
  float8_e5m2fnuz: "F8_E5M2FNUZ",
  float8_e8m0fnu: "F8_E8M0",
};

/** Classes of typed storages, as torch.save writes them. */
export const storageClasses = {
  F64: "DoubleStorage",
  F32: "FloatStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  C64: "ComplexFloatStorage",
  I64: "LongStorage",
  I32: "IntStorage",
  I16: "ShortStorage",
  I8: "CharStorage",
  U8: "ByteStorage",
  BOOL: "BoolStorage",
} as const satisfies Partial<Record<Dtype, string>>;

const globals = new Map<string, Global>(
  (
    [
      ["collections.OrderedDict", "ordered"],
      ["argparse.Namespace", "namespace"],
      ["torch.Size", "size"],
      ["torch._utils._rebuild_tensor_v2", "tensor"],
      ["torch._utils._rebuild_tensor_v3", "typedTensor"],
      ["torch._utils._rebuild_parameter", "parameter"],
      ["torch.storage.UntypedStorage", "storage"],
      ...Object.entries(storageClasses).map(([dtype, name]) => [`torch.${name}`, "storage", dtype]),
      ...Object.entries(dtypes).map(([name, dtype]) => [`torch.${name}`, "dtype", dtype]),
    ] as [string, Global["kind"], Dtype?][]
  ).map(([name, kind, dtype]) => [name, new Global(name, kind, dtype)]),
);

/** Undefined for everything else there is. */
export function globalNamed(name: string): Global | undefined {
  return globals.get(name);
}

/** A call, `callee(*argument)`. Copies nothing whose length the file decides. @throws Unfit: what was expected */
export function apply(callee: PickleValue, argument: PickleValue): PickleValue {
  const global = named(callee);
  const given = list(argument, `the arguments of ${global.name}`);
  switch (global.kind) {
    case "ordered":
      return create(global, argument);
    case "size":
      return Object.freeze(naturals(given[0], "sizes"));
    case "tensor":
      return tensor(given);
    case "typedTensor":
      return tensor(given, given[6]);
    case "parameter":
      if (given[0] instanceof TorchTensor) return given[0];
      throw new Unfit("the tensor of a parameter");
    default:
      throw new Unfit(`no call of ${global.name}`);
  }
}

/** `callee.__new__(callee, *argument)`. @throws Unfit */
export function create(callee: PickleValue, argument: PickleValue): PickleValue {
  const global = named(callee);
  if (list(argument, "arguments").length > 0) throw new Unfit(`a bare ${global.name}`);
  if (global.kind === "namespace") return new Namespace();
  if (global.kind === "ordered") return new Map();
  throw new Unfit(`no new ${global.name}`);
}

/** What an object's attributes are set from. An OrderedDict's (`_metadata` of a state dict) are left out. @throws Unfit */
export function build(item: PickleValue, state: PickleValue): PickleValue {
  if (!(state instanceof Map)) throw new Unfit("attributes in a dictionary");
  if (item instanceof Namespace) item.fields = state;
  else if (!(item instanceof Map)) throw new Unfit("attributes of a Namespace or an OrderedDict");
  return item;
}

/** `('storage', class, key, location, elements)` -> what it says. @throws Unfit */
export function storageOf(id: PickleValue): Storage {
  const [word, global, key, , elements] = list(id, "the name of a storage");
  if (word !== "storage" || typeof key !== "string" || !(global instanceof Global) || global.kind !== "storage")
    throw new Unfit("the name of a storage");
  const size = global.dtype === undefined ? 1 : elementBytes[global.dtype];
  return new Storage(key, global.dtype, size * natural(elements, "the length of a storage"));
}

const maximumDimensions = 64;
/** An expanded tensor (stride 0) takes no room in the file, but does when it is read. */
const maximumExpandedBytes = 64 * 2 ** 20;

function tensor([storage, offset, sizes, steps]: readonly PickleValue[], dtype?: PickleValue): TorchTensor {
  if (!(storage instanceof Storage)) throw new Unfit("the storage of a tensor");
  const type = dtype instanceof Global && dtype.kind === "dtype" ? dtype.dtype : storage.dtype;
  if (type === undefined) throw new Unfit("the type of a tensor");
  const [shape, strides] = [naturals(sizes, "the shape of a tensor"), naturals(steps, "the strides of a tensor")];
  const from = natural(offset, "where a tensor begins");
  if (shape.length !== strides.length) throw new Unfit("as many strides as sizes");
  const last = shape.reduce((sum, side, i) => sum + Math.max(0, side - 1) * (strides[i] as number), from);
  const isEmpty = shape.includes(0);
  if (!isEmpty && !((last + 1) * elementBytes[type] <= storage.bytes)) throw new Unfit("a tensor inside its storage");
  if (shapeBytes(type, shape) > Math.max(storage.bytes, maximumExpandedBytes))
    throw new Unfit("a tensor of its storage's size");
  return new TorchTensor(storage, type, from, shape, strides);
}

function shapeBytes(dtype: Dtype, shape: readonly number[]): number {
  try {
    return byteLength(dtype, shape, "");
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function list(value: PickleValue, what: string): readonly PickleValue[] {
  if (Array.isArray(value)) return value;
  throw new Unfit(what);
}

function natural(value: PickleValue | undefined, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Unfit(`${what}, a whole number ≥ 0`);
}

function naturals(value: PickleValue | undefined, what: string): number[] {
  const sides = list(value ?? null, what);
  if (sides.length > maximumDimensions) throw new Unfit(`${what}, at most ${maximumDimensions} numbers`);
  return sides.map((side) => natural(side, what));
}

function named(callee: PickleValue): Global {
  if (callee instanceof Global) return callee;
  throw new Unfit("the name of a class or function");
}
