import { z } from "zod";
import { Block } from "../../nn/block.js";
import { normal } from "../../nn/init.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Chain, Module, Parameter } from "../../nn/module.js";
import type { Tensor } from "../../tensor/tensor.js";

const positive = z.int().positive();

/** Schema of a text tower (FLIP, section 4 and appendix A.1). */
export const textConfig = z
  .strictObject({
    width: positive.default(512).describe("of a token; 768 beside ViT-L, 1024 beside ViT-H"),
    depth: positive.default(12).describe("blocks; 24 beside ViT-H"),
    heads: positive.default(8),
    length: positive.default(32).describe("tokens of a text: longer ones are cut off, shorter ones filled"),
    vocabulary: z
      .union([z.string().min(1), z.array(z.string()).min(2)])
      .optional()
      .describe(
        "WordPiece: a file of pieces, one a line, or the run.json of another run; absent: made of the captions. A run.json has the pieces",
      ),
  })
  .prefault({})
  .describe("the text tower");
/** A text tower's options with their defaults filled in. */
export type TextConfig = z.output<typeof textConfig>;

/**
 * A Transformer over the tokens of a text, all of which see all others, filling too: its answer is the last layer's first token (FLIP;
 * models_flip.py has it so).
 */
export class TextTower extends Module<[Tensor], Tensor> {
  readonly tokenEmbed: Parameter; // [V D]
  readonly posEmbed: Parameter; // [1 T D]
  readonly blocks: Chain<Block>;
  readonly norm: LayerNorm;

  /** @param pieces numbers that a token can have */
  constructor({ width, depth, heads, length }: TextConfig, pieces: number) {
    super();
    this.tokenEmbed = new Parameter([pieces, width], normal(0.02));
    this.posEmbed = new Parameter([1, length, width], normal(0.02));
    this.blocks = new Chain(Array.from({ length: depth }, () => new Block(width, heads)));
    this.norm = new LayerNorm(width, { forProducts: true });
  }

  /** text [B T], int64 -> [B D] */
  protected forward(text: Tensor): Tensor {
    const [B = 0, T = 0] = text.shape;
    const tokens = this.tokenEmbed.indexSelect(0, text.reshape([B * T])).reshape([B, T, -1]); // [B T D]
    return this.norm.call(this.blocks.call(tokens.add(this.posEmbed))).select(1, 0);
  }
}
