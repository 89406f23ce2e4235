/** Tensors of files under other names and in other forms: nothing is read before it is asked for, and every number keeps its bits. */
import { CheckpointError } from "../../engine/errors.js";
import { type Dtype, elementBytes, type RawTensor } from "../../formats/dtype.js";
import type { TensorToWrite } from "../../formats/safetensors.js";

/** A tensor that lies in a file, as it is to be seen. */
export interface PublishedTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  read(): RawTensor;
}

/** Tensors by name. */
export type Tensors = ReadonlyMap<string, PublishedTensor>;

/** What offers tensors by name. */
interface Holder {
  entry(name: string): { readonly dtype: Dtype; readonly shape: readonly number[] };
  read(name: string): RawTensor;
}

/** The tensor of that name. */
export function tensorIn(file: Holder, name: string): PublishedTensor {
  const { dtype, shape } = file.entry(name);
  return { dtype, shape, read: () => file.read(name) };
}

/** Tensors as `loadState` and layouts take them. */
export interface TensorSource extends Holder {
  readonly path: string;
  readonly names: readonly string[];
}

/** @param only names that are offered; all if absent */
export function tensorSource(
  tensors: Tensors,
  path: string,
  only: (name: string) => boolean = () => true,
): TensorSource {
  const at = (name: string): PublishedTensor => {
    const found = tensors.get(name);
    if (found !== undefined) return found;
    const problem = `there is no tensor ${name}.`;
    const remedy = "The file is of another architecture, or not whole.";
    throw new CheckpointError({ problem, code: "names", path, expected: name, actual: "no such tensor", remedy });
  };
  return { path, names: [...tensors.keys()].filter(only), entry: at, read: (name) => at(name).read() };
}

/** The sides of a tensor that sizes are read from. @throws CheckpointError where it is missing or of another rank */
export function sides(tensors: Tensors, path: string, name: string, rank: number): readonly number[] {
  const shape = tensors.get(name)?.shape;
  if (shape === undefined) {
    throw new CheckpointError({
      problem: `${name} is missing: the file is not whole.`,
      code: "names",
      path,
      expected: name,
      actual: [...tensors.keys()].slice(0, 4),
    });
  }
  if (shape.length === rank && !shape.includes(0)) return shape;
  throw new CheckpointError({
    problem: `${name} has shape [${shape.join(" ")}], expected ${rank} sides above zero.`,
    code: "shape",
    path,
    expected: rank,
    actual: shape,
  });
}

/** The same numbers with other sides. @throws CheckpointError where they do not fit */
export function reshaped(tensor: PublishedTensor, shape: readonly number[]): PublishedTensor {
  if (product(shape) !== product(tensor.shape))
    throw new CheckpointError({
      problem: `[${tensor.shape.join(" ")}] cannot become [${shape.join(" ")}].`,
      code: "shape",
      expected: shape,
      actual: tensor.shape,
      remedy: "The file is of another architecture.",
    });
  return { dtype: tensor.dtype, shape, read: () => ({ ...tensor.read(), shape }) };
}

/** Axes in another order, as PyTorch's `permute`. */
export function permuted(tensor: PublishedTensor, order: readonly number[]): PublishedTensor {
  const shape = order.map((axis) => tensor.shape[axis] ?? 1);
  const read = (): RawTensor => {
    const { dtype, data } = tensor.read();
    return { dtype, shape, data: permutedBytes(data, tensor.shape, order, elementBytes[dtype]) };
  };
  return { dtype: tensor.dtype, shape, read };
}

function permutedBytes(data: Uint8Array, shape: readonly number[], order: readonly number[], size: number): Uint8Array {
  const strides = shape.map((_, axis) => product(shape.slice(axis + 1)));
  const [sides, steps] = [order.map((axis) => shape[axis] ?? 1), order.map((axis) => strides[axis] ?? 1)];
  const moved = new Uint8Array(data.byteLength);
  const place = sides.map(() => 0);
  for (let to = 0, from = 0; to < moved.length; to += size) {
    moved.set(data.subarray(from * size, (from + 1) * size), to);
    for (let axis = sides.length - 1; axis >= 0; axis--) {
      const [side, step] = [sides[axis] as number, steps[axis] as number];
      from += step;
      place[axis] = (place[axis] as number) + 1;
      if ((place[axis] as number) < side) break;
      from -= side * step;
      place[axis] = 0;
    }
  }
  return moved;
}

/** Rows of one tensor: the `place`-th of `count` equal parts. */
export function part(tensor: PublishedTensor, place: number, count: number): PublishedTensor {
  const shape = [(tensor.shape[0] ?? 0) / count, ...tensor.shape.slice(1)];
  const read = (): RawTensor => {
    const { dtype, data } = tensor.read();
    const bytes = data.byteLength / count;
    return { dtype, shape, data: data.subarray(place * bytes, (place + 1) * bytes) };
  };
  return { dtype: tensor.dtype, shape, read };
}

/** Tensors under one another, as one. @param name for errors @throws CheckpointError where they differ in type or sides */
export function stacked(parts: readonly PublishedTensor[], name: string, path: string): PublishedTensor {
  const [first] = parts as [PublishedTensor];
  const same = parts.every(({ dtype, shape }) => dtype === first.dtype && String(shape) === String(first.shape));
  if (!same)
    throw new CheckpointError({
      problem: `the parts of ${name} differ in type or shape.`,
      code: "shape",
      path,
      expected: "parts of one type and shape",
      actual: parts.map(({ dtype, shape }) => `${dtype} [${shape.join(" ")}]`),
      remedy: "The file is damaged, or of another architecture.",
    });
  const shape = [parts.length * (first.shape[0] ?? 0), ...first.shape.slice(1)];
  const read = (): RawTensor => {
    const data = new Uint8Array(product(shape) * elementBytes[first.dtype]);
    let position = 0;
    for (const one of parts) {
      const own = one.read().data;
      data.set(own, position);
      position += own.byteLength;
    }
    return { dtype: first.dtype, shape, data };
  };
  return { dtype: first.dtype, shape, read };
}

/** For writers of files. */
export function toWrite({ dtype, shape, read }: PublishedTensor): TensorToWrite {
  return { dtype, shape, data: () => read().data };
}

/** Names in the order of PyTorch's state dict: a module's own parameters before those of its parts. */
export function asStateDict<T>(entries: readonly (readonly [string, T])[]): (readonly [string, T])[] {
  const isOwn = ([name]: readonly [string, T]): boolean => !name.includes(".");
  return [...entries.filter(isOwn), ...entries.filter((entry) => !isOwn(entry))];
}

function product(sides: readonly number[]): number {
  return sides.reduce((a, b) => a * b, 1);
}
