import { ConfigError } from "../errors.js";
import { cat, zeros } from "../tensor/creation.js";
import { attention, attentionWeights, linear, selfAttention, take } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { zero } from "./init.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";
import type { Size } from "./patches.js";
import { relativeBias, relativeTable } from "./positions.js";

/** How attention may differ from a plain ViT's. */
export interface AttentionOptions {
  /** False: queries and values have a bias, keys have none (BEiT). A key's bias changes no output: softmax ignores it. */
  readonly keyBias?: boolean;
  /** Patches down and across, where scores depend on relative positions; `own`: on a table of its own, not on one that it is given. */
  readonly relative?: { readonly grid: Size; readonly own: boolean } | undefined;
}

/** Multi-head self-attention (Vaswani et al. 2017) with one fused projection: rows q, k, v, each head-major (timm). */
export class Attention extends Module<[x: Tensor, table?: Tensor | undefined, context?: Tensor | undefined], Tensor> {
  readonly qBias: Parameter | null; // [D]
  readonly vBias: Parameter | null; // [D]
  readonly relativePositionBiasTable: Parameter | null; // [R H]
  readonly qkv: Linear;
  readonly proj: Linear;
  private readonly grid: Size | undefined;

  constructor(
    readonly width: number,
    readonly heads: number,
    { keyBias = true, relative }: AttentionOptions = {},
  ) {
    super();
    checkHeads(width, heads);
    this.grid = relative?.grid;
    this.qBias = keyBias ? null : new Parameter([width], zero);
    this.vBias = keyBias ? null : new Parameter([width], zero);
    this.relativePositionBiasTable = relative?.own === true ? relativeTable(relative.grid, heads) : null;
    this.qkv = new Linear(width, 3 * width, { bias: keyBias });
    this.proj = new Linear(width, width);
  }

  /** Whether it is a plain ViT's: one projection with a bias for all three, and nothing added to the scores. */
  get isPlain(): boolean {
    return this.qBias === null && this.grid === undefined;
  }

  /**
   * x [B N D], where layers share one the table of relative positions [R H] -> [B N D]
   * @param context which tokens alone give keys and values, by their numbers [B M]; absent: all of them do
   */
  protected forward(x: Tensor, table?: Tensor, context?: Tensor): Tensor {
    if (context !== undefined) return this.proj.call(this.fromContext(x, context, this.scoreBias(table))); // [B N D]
    return this.proj.call(selfAttention(this.projected(x), this.heads, this.scoreBias(table))); // [B N D]
  }

  /** As it is called -> how much each token takes of each other one [B H N N], float32; every row sums to 1 */
  weights(x: Tensor, table?: Tensor): Tensor {
    return attentionWeights(this.projected(x), this.heads, this.scoreBias(table));
  }

  /** x [B N D], context [B M], bias of all scores [H N N] -> what each token takes of those of the context [B N D] */
  private fromContext(x: Tensor, context: Tensor, bias: Tensor | undefined): Tensor {
    const { width, heads, qkv, bias: shift } = this;
    const rows = (input: Tensor, from: number, to: number): Tensor =>
      linear(input, qkv.weight.slice(0, from, to), shift?.slice(0, from, to) ?? null);
    const query = byHead(rows(x, 0, width), heads); // [B H N d]
    const given = rows(take(x, context), width, 3 * width); // [B M 2·D]
    const key = byHead(given.slice(2, 0, width), heads); // [B H M d]
    const value = byHead(given.slice(2, width), heads); // [B H M d]
    const [B = 0, H = 0, N = 0] = query.shape;
    const columns = context.reshape([B, 1, 1, -1]).expand([-1, H, N, -1]); // [B H N M]
    const ofContext = bias?.unsqueeze(0).expand([B, -1, -1, -1]).gather(3, columns); // [B H N M]
    return joined(attention(query, key, value, ofContext)); // [B N D]
  }

  /** x [B N D] -> [B N 3·D] */
  private projected(x: Tensor): Tensor {
    return this.qBias === null ? this.qkv.call(x) : linear(x, this.qkv.weight, this.bias);
  }

  /** Of queries, keys and values [3·D] */
  private get bias(): Tensor | null {
    const { qBias, vBias } = this;
    if (qBias === null || vBias === null) return this.qkv.bias;
    return cat([qBias, zeros([this.width], { device: qBias.device }), vBias]);
  }

  /** What is added to the scores [H N N]; undefined where nothing is. */
  private scoreBias(given: Tensor | undefined): Tensor | undefined {
    const table = this.relativePositionBiasTable ?? given;
    return table === undefined || this.grid === undefined ? undefined : relativeBias(table, this.grid);
  }
}

/** Attention of a class token to itself and to all patches (CaiT, section 2): there is one query, and projections stand apart (official code). */
export class ClassAttention extends Module {
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly proj: Linear;

  /** @throws ConfigError where heads do not divide the width */
  constructor(
    readonly width: number,
    readonly heads: number,
  ) {
    super();
    checkHeads(width, heads);
    this.q = new Linear(width, width);
    this.k = new Linear(width, width);
    this.v = new Linear(width, width);
    this.proj = new Linear(width, width);
  }

  /** x [B 1+N D], class token first -> what it gathers [B 1 D] */
  protected forward(x: Tensor): Tensor {
    const [query, key] = this.scored(x);
    const gathered = attention(query, key, byHead(this.v.call(x), this.heads)); // [B H 1 d]
    return this.proj.call(joined(gathered)); // [B 1 D]
  }

  /** x [B 1+N D], class token first -> how much it takes of itself and of each patch [B H 1 1+N], float32; every row sums to 1 */
  weights(x: Tensor): Tensor {
    const [query, key] = this.scored(x);
    const scores = query.float().matmul(key.float().transpose(-2, -1)); // [B H 1 1+N]
    return scores.mul(query.side(-1) ** -0.5).softmax(-1);
  }

  /** x [B 1+N D] -> the class token's query [B H 1 d], all keys [B H 1+N d] */
  private scored(x: Tensor): [query: Tensor, key: Tensor] {
    return [byHead(this.q.call(x.slice(1, 0, 1)), this.heads), byHead(this.k.call(x), this.heads)];
  }
}

/**
 * Attention of some tokens to others: projections stand apart, queries and values have a bias, keys have none, for a key's changes no output
 * (CAE's official code).
 */
export class CrossAttention extends Module<[query: Tensor, key: Tensor, value: Tensor], Tensor> {
  readonly qBias: Parameter; // [D]
  readonly vBias: Parameter; // [D]
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly proj: Linear;

  /** @throws ConfigError where heads do not divide the width */
  constructor(
    width: number,
    readonly heads: number,
  ) {
    super();
    checkHeads(width, heads);
    this.qBias = new Parameter([width], zero);
    this.vBias = new Parameter([width], zero);
    this.q = new Linear(width, width, { bias: false });
    this.k = new Linear(width, width, { bias: false });
    this.v = new Linear(width, width, { bias: false });
    this.proj = new Linear(width, width);
  }

  /** what asks [B M D], what is looked at and what is taken from it [B N D] each -> [B M D] */
  protected forward(query: Tensor, key: Tensor, value: Tensor): Tensor {
    const { heads } = this;
    const asked = linear(query, this.q.weight, this.qBias); // [B M D]
    const given = linear(value, this.v.weight, this.vBias); // [B N D]
    const taken = attention(byHead(asked, heads), byHead(this.k.call(key), heads), byHead(given, heads)); // [B H M d]
    return this.proj.call(joined(taken));
  }
}

/** x [B N D] -> [B H N d] */
function byHead(x: Tensor, heads: number): Tensor {
  const [B = 0, N = 0, D = 0] = x.shape;
  return x.reshape([B, N, heads, D / heads]).transpose(1, 2);
}

/** x [B H N d] -> [B N D] */
function joined(x: Tensor): Tensor {
  return x.transpose(1, 2).flatten(2);
}

function checkHeads(width: number, heads: number): void {
  if (width % heads === 0) return;
  throw new ConfigError({
    problem: `width ${width} does not divide into ${heads} heads.`,
    code: "heads",
    expected: "a width that is a multiple of heads",
    actual: { width, heads },
  });
}
