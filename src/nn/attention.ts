import { ConfigError } from "../errors.js";
import { cat, zeros } from "../tensor/creation.js";
import { attentionWeights, linear, selfAttention } from "../tensor/functional.js";
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
    if (width % heads !== 0) {
      throw new ConfigError({
        problem: `width ${width} does not divide into ${heads} heads.`,
        code: "heads",
        expected: "a width that is a multiple of heads",
        actual: { width, heads },
      });
    }
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
