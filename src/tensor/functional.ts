import { aten, type Shape, type Tensor } from "./tensor.js";

const reductions = { none: 0, mean: 1, sum: 2 } as const;
export type Reduction = keyof typeof reductions;

/** input [… I], weight [O I], bias [O] -> [… O] */
export function linear(input: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  return aten("linear", input, weight, bias);
}

/** Normalises the last dimensions, then scales and shifts. */
export function layerNorm(
  input: Tensor,
  shape: Shape,
  weight: Tensor | null,
  bias: Tensor | null,
  epsilon: number,
): Tensor {
  return aten("layer_norm", input, shape, weight, bias, epsilon);
}

/** Exact GELU (erf), or its tanh approximation. */
export function gelu(input: Tensor, approximate: "none" | "tanh" = "none"): Tensor {
  return aten("gelu", input, { approximate });
}

/** logits [B C], labels [B] int64 or soft targets [B C] */
export function crossEntropy(
  logits: Tensor,
  target: Tensor,
  options: { reduction?: Reduction; labelSmoothing?: number } = {},
): Tensor {
  return aten(
    "cross_entropy_loss",
    logits,
    target,
    null,
    reductions[options.reduction ?? "mean"],
    -100,
    options.labelSmoothing ?? 0,
  );
}

export function mseLoss(input: Tensor, target: Tensor, reduction: Reduction = "mean"): Tensor {
  return aten("mse_loss", input, target, reductions[reduction]);
}

/** input [B C H W] -> [B C h w], bicubic (a = −0.75, as PyTorch's `interpolate`), no antialiasing */
export function resizeBicubic(input: Tensor, size: readonly [number, number]): Tensor {
  return aten("upsample_bicubic2d.vec", input, size, false, null);
}

/** Rows of tokens: x [B N D], ids [B K] -> [B K D] */
export function take(x: Tensor, ids: Tensor): Tensor {
  return x.gather(1, ids.unsqueeze(-1).expand([-1, -1, x.side(-1)])); // [B K D]
}

/** Divides by the Euclidean norm along a dimension; a zero vector stays zero. */
export function normalize(x: Tensor, dim = -1, epsilon = 1e-12): Tensor {
  return x.div(aten("linalg_vector_norm", x, 2, [dim], true).clamp(epsilon));
}

let planned: { readonly device: string; readonly dtype: string } | undefined;

/** On the `meta` device, `attention` takes the way inside `body` that it would take on this device in this type. */
export function asOn<R>(device: string, dtype: string, body: () => R): R {
  const before = planned;
  planned = { device, dtype };
  try {
    return body();
  } finally {
    planned = before;
  }
}

/** Whether plain batched products are faster than libtorch's fused kernel (measured: ARCHITECTURE.md, attention). */
function prefersProducts(tokens: number, device: string, dtype: string): boolean {
  if (device === "meta") return planned === undefined || prefersProducts(tokens, planned.device, planned.dtype);
  if (device !== "cpu") return false;
  return dtype === "bfloat16" ? tokens <= 256 : tokens <= 96;
}

/**
 * softmax(q kᵀ / √d) v. query, key, value [B H N d] -> [B H N d]. Which kernel runs depends on shape and type
 * alone, never on a timing: a run's bits must not depend on the weather.
 */
export function attention(query: Tensor, key: Tensor, value: Tensor): Tensor {
  if (!prefersProducts(key.side(-2), query.device, query.dtype))
    return aten("scaled_dot_product_attention", query, key, value);
  const scores = query.mul(query.side(-1) ** -0.5).matmul(key.transpose(-2, -1)); // [B H N N]
  return scores.softmax(-1).matmul(value);
}

export interface BatchNormParts {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  /** Running statistics [D]: used in evaluation, moved in place while training. */
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly training: boolean;
  readonly momentum: number;
  readonly epsilon: number;
}

/** input [B D …] -> normalised over all but the second dimension */
export function batchNorm(input: Tensor, parts: BatchNormParts): Tensor {
  const { weight, bias, mean, variance, training, momentum, epsilon } = parts;
  return aten("batch_norm", input, weight, bias, mean, variance, training, momentum, epsilon, true);
}
