import { ConfigError } from "../errors.js";
import { cat, zeros } from "../tensor/creation.js";
import { attention, attentionWeights, linear, selfAttention } from "../tensor/functional.js";
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
export class Attention extends Module<[x: Tensor, ...table: Tensor[]], Tensor> {
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

  /** x [B N D], where layers share one the table of relative positions [R H] -> [B N D] */
  protected forward(x: Tensor, table?: Tensor): Tensor {
    return this.proj.call(selfAttention(this.projected(x), this.heads, this.scoreBias(table))); // [B N D]
  }

  /** As it is called -> how much each token takes of each other one [B H N N], float32; every row sums to 1 */
  weights(x: Tensor, table?: Tensor): Tensor {
    return attentionWeights(this.projected(x), this.heads, this.scoreBias(table));
  }

  /** x [B N D] -> [B N 3·D] */
  private projected(x: Tensor): Tensor {
    const { qBias, vBias } = this;
    if (qBias === null || vBias === null) return this.qkv.call(x);
    return linear(x, this.qkv.weight, cat([qBias, zeros([this.width], { device: qBias.device }), vBias]));
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
    const gathered = attention(query, key, this.byHead(this.v.call(x))); // [B H 1 d]
    return this.proj.call(gathered.transpose(1, 2).flatten(2)); // [B 1 D]
  }

  /** x [B 1+N D], class token first -> how much it takes of itself and of each patch [B H 1 1+N], float32; every row sums to 1 */
  weights(x: Tensor): Tensor {
    const [query, key] = this.scored(x);
    const scores = query.float().matmul(key.float().transpose(-2, -1)); // [B H 1 1+N]
    return scores.mul(query.side(-1) ** -0.5).softmax(-1);
  }

  /** x [B 1+N D] -> the class token's query [B H 1 d], all keys [B H 1+N d] */
  private scored(x: Tensor): [query: Tensor, key: Tensor] {
    return [this.byHead(this.q.call(x.slice(1, 0, 1))), this.byHead(this.k.call(x))];
  }

  /** x [B N D] -> [B H N d] */
  private byHead(x: Tensor): Tensor {
    const [B = 0, N = 0, D = 0] = x.shape;
    return x.reshape([B, N, this.heads, D / this.heads]).transpose(1, 2);
  }
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
