import { hasKernel, longestAttention, placeOf, runsOnCpu } from "./kernels.js";
import { aten, type Shape, type Tensor } from "./tensor.js";

const reductions = { none: 0, mean: 1, sum: 2 } as const;
/** What becomes of the losses of single elements, as in PyTorch. */
export type Reduction = keyof typeof reductions;

/** input [… I], weight [O I], bias [O] -> [… O] */
export function linear(input: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  return hasKernel("linear", input) ? aten("lacuna::linear", input, weight, bias) : aten("linear", input, weight, bias);
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

/** `layerNorm` of the last dimension, whose result only matrix products read: under autocast it comes in their type at once. */
export function layerNormForProducts(input: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  const width = input.side(-1);
  return hasKernel("layer_norm", input) && input.dtype === "float32" && width % 16 === 0
    ? aten("lacuna::layer_norm", input, weight, bias, epsilon)
    : layerNorm(input, [width], weight, bias, epsilon);
}

/** Exact GELU (erf), or its tanh approximation. */
export function gelu(input: Tensor, approximate: "none" | "tanh" = "none"): Tensor {
  const isOurs =
    approximate === "none" &&
    hasKernel("gelu", input) &&
    (input.dtype === "float32" || isLow(input)) &&
    input.size % 16 === 0;
  return isOurs ? aten("lacuna::gelu", input) : aten("gelu", input, { approximate });
}

/** The residual stream and a branch of it, both [B N D] -> [B N D], in the stream's type. */
export function addBranch(stream: Tensor, branch: Tensor): Tensor {
  const isOurs =
    hasKernel("add_branch", stream) && stream.dtype === "float32" && isLow(branch) && stream.size % 16 === 0;
  return isOurs ? aten("lacuna::add_branch", stream, branch) : stream.add(branch);
}

/** Results of products are bfloat16 under autocast; a plan knows shapes alone. */
function isLow(x: Tensor): boolean {
  return x.dtype === "bfloat16" || x.device === "meta";
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

/** Squared error, by PyTorch's `mse_loss`: [] unless the reduction is `none`, then the shape of the input. */
export function mseLoss(input: Tensor, target: Tensor, reduction: Reduction = "mean"): Tensor {
  return aten("mse_loss", input, target, reductions[reduction]);
}

/** input [B C H W] -> [B C h w], bicubic (a = −0.75, as PyTorch's `interpolate`), no antialiasing */
export function resizeBicubic(input: Tensor, size: readonly [number, number]): Tensor {
  return aten("upsample_bicubic2d.vec", input, size, false, null);
}

/** As `resizeBicubic`, by factors: input [B C H W] -> [B C ⌊H·down⌋ ⌊W·across⌋], sampled at steps of 1 / factor */
export function scaleBicubic(input: Tensor, factors: readonly [down: number, across: number]): Tensor {
  return aten("upsample_bicubic2d.vec", input, null, false, factors);
}

/** Rows of tokens: x [B N D], ids [B K] -> [B K D] */
export function take(x: Tensor, ids: Tensor): Tensor {
  if (hasKernel("take", x)) return aten("lacuna::take", x, ids);
  return x.gather(1, ids.unsqueeze(-1).expand([-1, -1, x.side(-1)])); // [B K D]
}

/** Divides by the Euclidean norm along a dimension; a zero vector stays zero. */
export function normalize(x: Tensor, dim = -1, epsilon = 1e-12): Tensor {
  return x.div(aten("linalg_vector_norm", x, 2, [dim], true).clamp(epsilon));
}

/** Whether plain batched products are faster than libtorch's fused kernel (measured: ARCHITECTURE.md, attention). */
function prefersProducts(query: Tensor, tokens: number): boolean {
  const { device, dtype } = placeOf(query);
  if (device === "meta") return true;
  return device === "cpu" && tokens <= (dtype === "bfloat16" ? 256 : 96);
}

/**
 * softmax(q kᵀ / √d + bias) v. query [B H N d], key, value [B H M d], bias [H N M] or [B H N M] -> [B H N d]. Which kernel runs depends
 * on shape and type alone, never on a timing: a run's bits must not depend on the weather.
 */
export function attention(query: Tensor, key: Tensor, value: Tensor, bias?: Tensor): Tensor {
  if (bias === undefined && !prefersProducts(query, key.side(-2)))
    return aten("scaled_dot_product_attention", query, key, value);
  const scores = query.mul(query.side(-1) ** -0.5).matmul(key.transpose(-2, -1)); // [B H N M]
  return (bias === undefined ? scores : scores.add(bias)).softmax(-1).matmul(value);
}

/**
 * Attention of packed heads. qkv [B N 3·D]: q, k, v side by side, each head after head (timm); bias [H N N] of the scores -> [B N D].
 */
export function selfAttention(qkv: Tensor, heads: number, bias?: Tensor): Tensor {
  const [B = 0, N = 0, W = 0] = qkv.shape;
  const D = W / 3;
  if (bias === undefined && hasKernel("attention", qkv) && N <= longestAttention() && (D / heads) % 16 === 0)
    return aten("lacuna::attention", qkv, heads);
  const [q, k, v] = splitHeads(qkv, heads); // [B H N d] each
  return attention(q, k, v, bias).transpose(1, 2).reshape([B, N, D]); // [B N D]
}

/** What self-attention weighs values by: softmax(q kᵀ / √d + bias). As `selfAttention` takes them -> [B H N N], float32 */
export function attentionWeights(qkv: Tensor, heads: number, bias?: Tensor): Tensor {
  const [q, k] = splitHeads(qkv.float(), heads); // [B H N d] each
  const scores = q.div(Math.sqrt(q.side(3))).matmul(k.transpose(2, 3)); // [B H N N]
  return (bias === undefined ? scores : scores.add(bias)).softmax(-1);
}

/** qkv [B N 3·D] -> queries, keys and values [B H N d] */
export function splitHeads(qkv: Tensor, heads: number): readonly [Tensor, Tensor, Tensor] {
  const [B = 0, N = 0, W = 0] = qkv.shape;
  const split = qkv.reshape([B, N, 3, heads, W / 3 / heads]).permute([2, 0, 3, 1, 4]); // [3 B H N d]
  return split.unbind(0) as [Tensor, Tensor, Tensor];
}

/** Parameters of a Transformer block (nn/block.ts), D its width and M that of the hidden layer. */
export interface BlockParts {
  readonly norm1: Scaling; // [D]
  readonly qkv: Layer; // [3·D D]
  readonly proj: Layer; // [D D]
  readonly norm2: Scaling; // [D]
  readonly fc1: Layer; // [M D]
  readonly fc2: Layer; // [D M]
  readonly heads: number;
  readonly epsilon: number;
}
interface Scaling {
  readonly weight: Tensor;
  readonly bias: Tensor;
}
interface Layer {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
}

/** Whether a whole block on `x` [B N D] is one operation of our own. */
export function isOneOperation(x: Tensor, { qkv, fc1, heads }: BlockParts): boolean {
  const [, N = 0, D = 0] = x.shape;
  const fits = N <= longestAttention() && (D / heads) % 16 === 0 && fc1.weight.side(0) % 16 === 0;
  return hasKernel("block", x) && x.dtype === "float32" && x.rank === 3 && fits && qkv.bias !== null;
}

/** A Transformer block where `isOneOperation`: x [B N D] -> [B N D] */
export function wholeBlock(x: Tensor, { norm1, qkv, proj, norm2, fc1, fc2, heads, epsilon }: BlockParts): Tensor {
  const parts = [norm1, qkv, proj, norm2, fc1, fc2].flatMap(({ weight, bias }) => [weight, bias as Tensor]);
  return aten("lacuna::block", x, ...(parts as BlockTensors), heads, epsilon);
}
type Pair = [Tensor, Tensor];
type BlockTensors = [...Pair, ...Pair, ...Pair, ...Pair, ...Pair, ...Pair];

export interface BatchNormParts {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  /** Running statistics [D]: used in evaluation, moved in place while training; null while training: none are kept. */
  readonly mean: Tensor | null;
  readonly variance: Tensor | null;
  readonly training: boolean;
  readonly momentum: number;
  readonly epsilon: number;
}

/** input [B D …] -> normalised over all but the second dimension */
export function batchNorm(input: Tensor, parts: BatchNormParts): Tensor {
  const { weight, bias, mean, variance, training, momentum, epsilon } = parts;
  return aten("batch_norm", input, weight, bias, mean, variance, training, momentum, epsilon, true);
}

export interface Convolution {
  /** One number for both sides, or height and width. */
  readonly stride?: number | readonly [number, number];
  /** Zeros around the picture. */
  readonly padding?: number | readonly [number, number];
  /** The number of groups of channels; groups do not see one another. */
  readonly groups?: number;
}

/**
 * Whether Winograd's convolution is quicker than libtorch's: 3 × 3, stride 1, a border of one zero, from 64 channels on, and enough tiles of
 * 2 × 2 positions for the weight's way into the domain of its products.
 */
function isForWinograd(input: Tensor, weight: Tensor, { stride = 1, padding = 0, groups = 1 }: Convolution): boolean {
  const [B = 0, , H = 0, W = 0] = input.shape;
  const [O = 0, I = 0, ...window] = weight.shape;
  const isFloat = input.dtype === "float32" && weight.dtype === "float32";
  const isPlain = [stride, padding, groups].flat().every((option) => option === 1) && `${window}` === "3,3";
  const isWide = Math.min(O, I) >= 64 && O % 16 === 0 && I % 16 === 0;
  return isFloat && isPlain && isWide && 2 * B * H * W >= O + I;
}

/**
 * input [B C H W], weight [O C/groups k q], bias [O] -> [B O h w]. What the kernel conv3x3 (native/kernels/conv.cc) takes is Winograd's convolution; its
 * result lies channels last in memory.
 */
export function conv2d(input: Tensor, weight: Tensor, bias: Tensor | null, options: Convolution = {}): Tensor {
  const { stride = 1, padding = 0, groups = 1 } = options;
  if (hasKernel("conv3x3", input) && isForWinograd(input, weight, options))
    return aten("lacuna::conv3x3", input, weight, bias);
  return aten("conv2d", input, weight, bias, stride, padding, 1, groups);
}

/**
 * Each channel convolved by itself, the last dimension being the channels: input [B H W C], weight [C 1 k k] of an odd k,
 * bias [C] -> [B H W C]. The border is filled with zeros.
 */
export function depthwiseConv(input: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  const options = { padding: (weight.side(-1) - 1) / 2, groups: input.side(-1) };
  return conv2d(input.permute([0, 3, 1, 2]), weight, bias, options).permute([0, 2, 3, 1]); // [B H W C]
}

/** A map that lies channels last with zeros below it and to its right: map [B H W C] -> [B H+down W+right C] */
export function padMap(map: Tensor, down: number, right: number): Tensor {
  return down === 0 && right === 0 ? map : aten("pad", map, [0, 0, 0, right, 0, down]);
}

/**
 * maps [B C H W], the same numbers. On CPUs they lie channels last in memory, and so do all maps that convolutions and norms make of them: libtorch's
 * convolutions are quicker so, and ours reads nothing else. What is recorded for a graph is left as it is.
 */
export function channelsLast(maps: Tensor): Tensor {
  return runsOnCpu(maps) ? maps.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]) : maps;
}

/** input [B C H W] -> [B C h w]: the largest of each k × k window; the border never wins */
export function maxPool2d(input: Tensor, side: number, stride: number, padding = 0): Tensor {
  return aten("max_pool2d", input, side, stride, padding);
}

/**
 * Global response normalisation (ConvNeXt V2, equations 1 to 3, with the residual): x [B H W C], gamma and beta [… C] ->
 * γ (x · n) + β + x, where n_c = ‖x_c‖ / (mean_c ‖x_c‖ + ε) and ‖x_c‖ is taken over an image's positions.
 */
export function globalResponseNorm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon = 1e-6): Tensor {
  const wide = x.dtype === "bfloat16" || x.dtype === "float16" ? x.float() : x;
  const size = aten("linalg_vector_norm", wide, 2, [1, 2], true); // [B 1 1 C]
  const ratio = size.div(size.mean([-1], true).add(epsilon)); // [B 1 1 C]
  return x.mul(ratio.mul(gamma).add(1)).add(beta); // [B H W C]
}

/** The angle of each (x, y), from -π to π. */
export function atan2(y: Tensor, x: Tensor): Tensor {
  return aten("atan2", y, x);
}
