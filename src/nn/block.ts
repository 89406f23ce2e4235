import { cat, full } from "../tensor/creation.js";
import { addBranch, type BlockParts, isOneOperation, wholeBlock } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { Attention, type AttentionOptions, ClassAttention } from "./attention.js";
import { DropPath } from "./drop-path.js";
import { LayerNorm } from "./layer-norm.js";
import { Mlp } from "./mlp.js";
import { isWatched, Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** How a block may differ from a plain ViT's. */
export interface BlockOptions extends AttentionOptions {
  /** LayerScale: a factor for each channel of both branches, its first value; absent: none. */
  readonly layerScale?: number | undefined;
}

/**
 * A Transformer block with the norms in front (ViT, section 3.1); each residual branch may be scaled (LayerScale: CaiT, section 2) and
 * dropped (drop-path.ts). Where a kernel has the whole block, the modules inside are not called: it reads their parameters.
 */
export class Block extends Module<[x: Tensor, table?: Tensor | undefined, context?: Tensor | undefined], Tensor> {
  readonly gamma_1: Parameter | null; // [D]
  readonly gamma_2: Parameter | null; // [D]
  readonly norm1: LayerNorm;
  readonly attn: Attention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly dropPath1: DropPath;
  readonly dropPath2: DropPath;

  /** @param dropPath rate at which branches are dropped while training */
  constructor(width: number, heads: number, mlpRatio = 4, dropPath = 0, options: BlockOptions = {}) {
    super();
    const { layerScale, ...attention } = options;
    const scale = (): Parameter | null =>
      layerScale === undefined ? null : new Parameter([width], (shape) => full(shape, layerScale));
    this.gamma_1 = scale();
    this.gamma_2 = scale();
    this.norm1 = new LayerNorm(width, { forProducts: true });
    this.attn = new Attention(width, heads, attention);
    this.norm2 = new LayerNorm(width, { forProducts: true });
    this.mlp = new Mlp(width, Math.trunc(width * mlpRatio));
    this.dropPath1 = new DropPath(dropPath);
    this.dropPath2 = new DropPath(dropPath);
  }

  /**
   * x [B N D], where blocks share one the table of relative positions [R H] -> [B N D]
   * @param context which tokens alone give keys and values, by their numbers [B M]; absent: all of them do
   */
  protected forward(x: Tensor, table?: Tensor, context?: Tensor): Tensor {
    const isPlain = this.#isPlain && context === undefined && !isWatched();
    if (isPlain && isOneOperation(x, this.#parts)) return wholeBlock(x, this.#parts);
    const attended = this.#add(x, this.attn.call(this.norm1.call(x), table, context), this.gamma_1, this.dropPath1); // [B N D]
    return this.#add(attended, this.mlp.call(this.norm2.call(attended)), this.gamma_2, this.dropPath2); // [B N D]
  }

  /** stream, branch [B N D] -> their sum [B N D] */
  #add(stream: Tensor, branch: Tensor, gamma: Tensor | null, dropPath: DropPath): Tensor {
    return addBranch(stream, dropPath.call(gamma === null ? branch : branch.mul(gamma)));
  }

  get #isPlain(): boolean {
    return this.attn.isPlain && this.gamma_1 === null && !this.dropPath1.isOn && !this.dropPath2.isOn;
  }

  get #parts(): BlockParts {
    const { norm1, norm2, attn, mlp } = this;
    const { epsilon } = norm1;
    return { norm1, qkv: attn.qkv, proj: attn.proj, norm2, fc1: mlp.fc1, fc2: mlp.fc2, heads: attn.heads, epsilon };
  }
}

/**
 * A block in which a class token alone takes from the patches, which stay as they are (CaiT, section 2), both branches scaled by channel
 * (LayerScale).
 */
export class ClassBlock extends Module<[cls: Tensor, tokens: Tensor], Tensor> {
  readonly gamma_1: Parameter; // [D]
  readonly gamma_2: Parameter; // [D]
  readonly norm1: LayerNorm;
  readonly attn: ClassAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;

  /** @param layerScale first value of the scales: ExtreMA's for ViT-B */
  constructor(width: number, heads: number, mlpRatio = 4, layerScale = 0.1) {
    super();
    const scale = (): Parameter => new Parameter([width], (shape) => full(shape, layerScale));
    this.gamma_1 = scale();
    this.gamma_2 = scale();
    this.norm1 = new LayerNorm(width, { forProducts: true });
    this.attn = new ClassAttention(width, heads);
    this.norm2 = new LayerNorm(width, { forProducts: true });
    this.mlp = new Mlp(width, Math.trunc(width * mlpRatio));
  }

  /** class token [B 1 D], tokens of patches [B N D] -> class token [B 1 D] */
  protected forward(cls: Tensor, tokens: Tensor): Tensor {
    const gathered = this.attn.call(this.norm1.call(cat([cls, tokens], 1))); // [B 1 D]
    const attended = addBranch(cls, gathered.mul(this.gamma_1)); // [B 1 D]
    return addBranch(attended, this.mlp.call(this.norm2.call(attended)).mul(this.gamma_2)); // [B 1 D]
  }
}
