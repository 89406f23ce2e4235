/** Blocks of a Swin Transformer, the attention inside their windows, and what lies between two stages. */
import { ConfigError } from "../../errors.js";
import { DropPath } from "../../nn/drop-path.js";
import { truncatedNormal } from "../../nn/init.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import { Mlp } from "../../nn/mlp.js";
import { Chain, Module, Parameter } from "../../nn/module.js";
import { addBranch, padMap, splitHeads } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import {
  fromWindows,
  isShifted,
  padToWindows,
  relativeRows,
  shiftMask,
  toWindows,
  type Windows,
  windowsOf,
} from "./windows.js";

const weightInit = truncatedNormal(0.02);

/** Self-attention inside windows, with a bias for each head and each relative position (paper, equation 4). */
export class WindowAttention extends Module<[Tensor, Tensor, Tensor?]> {
  readonly relativePositionBiasTable: Parameter; // [(2h−1)·(2w−1) H]
  readonly qkv: Linear;
  readonly proj: Linear;

  constructor(
    readonly width: number,
    readonly heads: number,
    readonly window: Windows["size"],
  ) {
    super();
    checkHeads(width, heads);
    const [h, w] = window;
    this.relativePositionBiasTable = new Parameter([(2 * h - 1) * (2 * w - 1), heads], weightInit);
    this.qkv = new Linear(width, 3 * width, { weightInit });
    this.proj = new Linear(width, width, { weightInit });
  }

  /**
   * windows [B·n N C], rows of the table for every pair [N·N], and what else is added to the scores of the n windows of a map
   * [n N N] -> [B·n N C]
   */
  protected forward(windows: Tensor, rows: Tensor, mask?: Tensor): Tensor {
    const [M = 0, N = 0, C = 0] = windows.shape;
    const [q, k, v] = splitHeads(this.qkv.call(windows), this.heads); // [B·n H N d] each
    const scores = q.mul(q.side(3) ** -0.5).matmul(k.transpose(2, 3)); // [B·n H N N]
    const attended = this.biased(scores, this.bias(rows, N), mask).softmax(-1).to(v.dtype).matmul(v); // [B·n H N d]
    return this.proj.call(attended.transpose(1, 2).reshape([M, N, C])); // [B·n N C]
  }

  /** rows [N·N] -> [H N N] */
  private bias(rows: Tensor, N: number): Tensor {
    return this.relativePositionBiasTable.indexSelect(0, rows).reshape([N, N, this.heads]).permute([2, 0, 1]);
  }

  /** scores [B·n H N N], bias [H N N], mask [n N N] -> [B·n H N N] */
  private biased(scores: Tensor, bias: Tensor, mask?: Tensor): Tensor {
    if (mask === undefined) return scores.add(bias);
    const [M = 0, H = 0, N = 0] = scores.shape;
    const n = mask.side(0);
    const added = bias.unsqueeze(0).add(mask.unsqueeze(1)); // [n H N N]
    return scores
      .reshape([M / n, n, H, N, N])
      .add(added)
      .reshape([M, H, N, N]);
  }
}

/** @throws ConfigError unless the heads divide the width */
export function checkHeads(width: number, heads: number): void {
  if (width % heads === 0) return;
  throw new ConfigError({
    problem: `a width of ${width} does not divide into ${heads} heads.`,
    code: "heads",
    path: "model.heads",
    expected: "heads that divide the width of their stage",
    actual: { width, heads },
  });
}

/** What a block is made with. */
interface BlockOptions {
  readonly width: number;
  readonly heads: number;
  readonly windows: Windows;
  readonly dropPath: number;
  readonly epsilon: number;
}

/** Attention inside windows and an MLP, norms in front (paper, figure 3b); the windows of every other block are moved. */
export class SwinBlock extends Module<[Tensor, Tensor, Tensor?]> {
  readonly norm1: LayerNorm;
  readonly attn: WindowAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly dropPath1: DropPath;
  readonly dropPath2: DropPath;
  readonly windows: Windows;

  constructor({ width, heads, windows, dropPath, epsilon }: BlockOptions) {
    super();
    this.windows = windows;
    this.norm1 = new LayerNorm(width, { forProducts: true, epsilon });
    this.attn = new WindowAttention(width, heads, windows.size);
    this.norm2 = new LayerNorm(width, { forProducts: true, epsilon });
    this.mlp = new Mlp(width, 4 * width, weightInit);
    this.dropPath1 = new DropPath(dropPath);
    this.dropPath2 = new DropPath(dropPath);
  }

  /** x [B H W C], rows of the tables of relative positions [N·N], the mask of moved windows [n N N] -> [B H W C] */
  protected forward(x: Tensor, rows: Tensor, mask?: Tensor): Tensor {
    const attended = addBranch(x, this.dropPath1.call(this.attend(this.norm1.call(x), rows, mask))); // [B H W C]
    return addBranch(attended, this.dropPath2.call(this.mlp.call(this.norm2.call(attended)))); // [B H W C]
  }

  /** normed [B H W C] -> [B H W C]; zeros around the map are neighbours like others, as in the official code for detection */
  private attend(normed: Tensor, rows: Tensor, mask?: Tensor): Tensor {
    const { size, shift } = this.windows;
    const [, H = 0, W = 0] = normed.shape;
    const padded = padToWindows(normed, size); // [B H' W' C]
    const sides = [padded.side(1), padded.side(2)] as const;
    const isMoved = isShifted(this.windows);
    const moved = isMoved ? padded.roll([-shift[0], -shift[1]], [1, 2]) : padded; // [B H' W' C]
    const windows = this.attn.call(toWindows(moved, size), rows, isMoved ? mask : undefined); // [B·n N C]
    const map = fromWindows(windows, size, sides); // [B H' W' C]
    const back = isMoved ? map.roll(shift, [1, 2]) : map; // [B H' W' C]
    return padded === normed ? back : back.slice(1, 0, H).slice(2, 0, W); // [B H W C]
  }
}

/** Four neighbours become one position of twice the width (paper, section 3.1); a side that is odd is padded with zeros. */
export class PatchMerging extends Module {
  readonly reduction: Linear;
  readonly norm: LayerNorm;

  constructor(width: number, epsilon: number) {
    super();
    this.reduction = new Linear(4 * width, 2 * width, { bias: false, weightInit });
    this.norm = new LayerNorm(4 * width, { forProducts: true, epsilon });
  }

  /** x [B H W C] -> [B ⌈H/2⌉ ⌈W/2⌉ 2·C] */
  protected forward(x: Tensor): Tensor {
    const [B = 0, H = 0, W = 0, C = 0] = x.shape;
    const [h, w] = [Math.ceil(H / 2), Math.ceil(W / 2)];
    const four = padMap(x, H % 2, W % 2).reshape([B, h, 2, w, 2, C]); // [B h 2 w 2 C]
    const joined = four.permute([0, 1, 3, 4, 2, 5]).reshape([B, h, w, 4 * C]); // columns outside, as published
    return this.reduction.call(this.norm.call(joined)); // [B h w 2·C]
  }
}

/** What a stage is made with. */
export interface StageOptions {
  readonly width: number;
  readonly heads: number;
  /** Positions of its map, down and across. */
  readonly map: Windows["size"];
  /** Side of its windows. */
  readonly window: number;
  /** Rates of its blocks. */
  readonly dropPaths: readonly number[];
  readonly epsilon: number;
  /** Whether another stage follows. */
  readonly isMerged: boolean;
}

/** Blocks on a map of one size, and what makes the next stage's map of it. */
export class SwinStage extends Module {
  readonly blocks: Chain<SwinBlock>;
  readonly downsample: PatchMerging | null;
  readonly windows: Windows;

  constructor({ width, heads, map, window, dropPaths, epsilon, isMerged }: StageOptions) {
    super();
    this.windows = windowsOf(map, window);
    const still: Windows = { size: this.windows.size, shift: [0, 0] };
    this.blocks = new Chain(
      dropPaths.map((dropPath, i) => {
        const windows = i % 2 === 0 ? still : this.windows;
        return new SwinBlock({ width, heads, windows, dropPath, epsilon });
      }),
    );
    this.downsample = isMerged ? new PatchMerging(width, epsilon) : null;
  }

  /** x [B H W C] -> through the blocks [B H W C]; what they all need is made once */
  protected forward(x: Tensor): Tensor {
    const rows = relativeRows(this.windows.size, x.device); // [N·N]
    const isMoved = isShifted(this.windows) && this.blocks.links.length > 1;
    const masks = isMoved ? [shiftMask([x.side(1), x.side(2)], this.windows, x.device)] : []; // [n N N]
    return this.blocks.call(x, rows, ...masks); // [B H W C]
  }
}
