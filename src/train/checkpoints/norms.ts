/** How large a model's weights are, and the model with the sizes of another one's (NormRescale; Huang et al. 2022, arXiv 2208.00275). */
import { CheckpointError } from "../../engine/errors.js";
import { models } from "../../models/index.js";
import type { Published } from "../../models/published/open.js";
import type { PublishedTensor, Tensors } from "../../models/published/tensors.js";

/** How large a weight is, beside the same weight of another model. */
export interface WeightSize {
  readonly name: string;
  readonly mean: number;
  readonly variance: number;
  /** Euclidean, of all numbers. */
  readonly norm: number;
  readonly largest: number;
  /** Norm in the other model. */
  readonly theirs: number;
}

/** What a batch norm behind a weight keeps of its size: means grow as it does, variances as its square. */
const statistics = [
  ["running_mean", 1],
  ["running_var", 2],
] as const;

/**
 * The tensors of a model whose every weight that a batch norm follows has the norm of the same weight of another model, and statistics
 * of that batch norm to match: what it computes in evaluation stays, but for the norm's ε; by how much a learning rate moves it changes.
 * @throws CheckpointError where the model has no such weights, or the other one is of another architecture
 */
export function withNormsOf(model: Published, other: Published): { tensors: Tensors; sizes: readonly WeightSize[] } {
  const normBehind = models.get(model.model.name).normBehind ?? (() => undefined);
  const tensors = new Map(model.tensors);
  const sizes = [...model.tensors].flatMap(([name, tensor]): WeightSize[] => {
    const norm = normBehind(name);
    if (norm === undefined) return [];
    const size = sizeOf(name, floats(tensor, name, model.path), floats(same(name, tensor, other), name, other.path));
    const by = size.norm === 0 ? 1 : size.theirs / size.norm;
    tensors.set(name, scaled(tensor, name, model.path, by));
    for (const [kind, power] of statistics) {
      const [path, statistic] = [`${norm}.${kind}`, model.tensors.get(`${norm}.${kind}`)];
      if (statistic !== undefined) tensors.set(path, scaled(statistic, path, model.path, by ** power));
    }
    return [size];
  });
  if (sizes.length > 0) return { tensors, sizes };
  throw new CheckpointError({
    problem: `no weight of ${model.model.name} has a batch norm behind it: how large they are is part of what it computes.`,
    code: "norms",
    path: model.path,
    expected: "a model with batch norm, as resnet is",
    actual: model.model.name,
    remedy: "Leave --norms-of out.",
  });
}

/** The other model's tensor of that name and shape. */
function same(name: string, { shape }: PublishedTensor, other: Published): PublishedTensor {
  const found = other.tensors.get(name);
  if (found !== undefined && String(found.shape) === String(shape)) return found;
  const actual = found === undefined ? "no such tensor" : `[${found.shape.join(" ")}]`;
  throw new CheckpointError({
    problem: `${name} has the shape [${shape.join(" ")}] in the model, and ${actual} in the one whose norms it is to have.`,
    code: "norms",
    path: other.path,
    expected: `${name} [${shape.join(" ")}]`,
    actual,
    remedy: "Give a model of the same architecture.",
  });
}

function floats({ dtype, read }: PublishedTensor, name: string, path: string): Float32Array {
  if (dtype === "F32") {
    const { data } = read();
    return new Float32Array(data.slice().buffer);
  }
  throw new CheckpointError({
    problem: `${name} is ${dtype}, expected F32.`,
    code: "dtype",
    path,
    expected: "F32",
    actual: dtype,
    remedy: "Norms are given to weights in float32 alone.",
  });
}

function scaled(tensor: PublishedTensor, name: string, path: string, by: number): PublishedTensor {
  const { dtype, shape } = tensor;
  const read = () => ({ dtype, shape, data: new Uint8Array(floats(tensor, name, path).map((x) => x * by).buffer) });
  return { dtype, shape, read };
}

function sizeOf(name: string, own: Float32Array, other: Float32Array): WeightSize {
  const mean = own.reduce((sum, x) => sum + x, 0) / own.length;
  return {
    name,
    mean,
    variance: own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / own.length,
    norm: normOf(own),
    largest: own.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
    theirs: normOf(other),
  };
}

const normOf = (values: Float32Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
