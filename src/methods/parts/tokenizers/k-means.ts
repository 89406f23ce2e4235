import { z } from "zod";
import { scope } from "../../../engine/scope.js";
import { zero } from "../../../nn/init.js";
import { Buffer, Module } from "../../../nn/module.js";
import { patchify, type Size } from "../../../nn/patches.js";
import type { Rng } from "../../../tensor/random.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { patchesToFit, type TargetFit } from "../targets/target.js";
import { chosenRows, countOf, nearest, sumsOf } from "./clusters.js";
import type { Tokenizer } from "./tokenizer.js";

export const kMeansConfig = z.strictObject({
  name: z.literal("kMeans").default("kMeans"),
  vocabulary: z.int().min(2).max(65_536).default(512).describe("tokens in the codebook (DALL-E's has 8192)"),
  iterations: z.int().positive().default(12).describe("passes of Lloyd's algorithm"),
});
export type KMeansConfig = z.output<typeof kMeansConfig>;

/**
 * A codebook of patches by k-means (Lloyd 1982): a token is the number of the nearest entry. It needs no download; its
 * pictures are coarser than those of a learned tokenizer, which sees more than one patch.
 */
export class KMeansTokenizer extends Module<[Tensor], Tensor> implements Tokenizer {
  readonly codebook: Buffer; // [V P]
  /** Share of the fitted patches that each entry stands for. */
  readonly frequency: Buffer; // [V]
  readonly vocabulary: number;
  readonly #iterations: number;

  constructor(
    { vocabulary, iterations }: KMeansConfig,
    readonly patchSize: Size,
    channels: number,
  ) {
    super();
    this.vocabulary = vocabulary;
    this.#iterations = iterations;
    this.codebook = new Buffer([vocabulary, patchSize[0] * patchSize[1] * channels], zero);
    this.frequency = new Buffer([vocabulary], zero);
  }

  /** image [B C H W] -> tokens [B N] int64 */
  protected forward(image: Tensor): Tensor {
    return nearest(patchify(image, this.patchSize, "channelsLast").float(), this.codebook); // [B N]
  }

  patches(tokens: Tensor): Tensor {
    const [B = 0, N = 0] = tokens.shape;
    return this.codebook.indexSelect(0, tokens.reshape([-1])).reshape([B, N, -1]); // [B N P]
  }

  entropy(): number {
    const shares = this.frequency.toNumbers().filter((share) => share > 0);
    return shares.length === 0 ? Math.log(this.vocabulary) : -shares.reduce((sum, p) => sum + p * Math.log(p), 0);
  }

  note(): string {
    return `predictions are ${this.vocabulary} tokens, each shown as its patch of the codebook`;
  }

  fit(): TargetFit {
    return {
      patches: Math.max(patchesToFit, 16 * this.vocabulary),
      run: (images, rng) => {
        const P = this.codebook.side(1);
        const rows = patchify(images, this.patchSize, "channelsLast").toDevice("cpu").reshape([-1, P]).float(); // [n P]
        const { centres, counts } = kMeans(rows, this.vocabulary, this.#iterations, rng);
        this.codebook.copy_(centres);
        this.frequency.copy_(counts.div(rows.side(0)));
      },
    };
  }
}

/**
 * Lloyd's algorithm from rows chosen by keyed noise. An entry that nothing is nearest to is put on the row that is
 * farthest from its own; with fewer rows than entries the last ones stay unused.
 */
function kMeans(rows: Tensor, V: number, iterations: number, rng: Rng): { centres: Tensor; counts: Tensor } {
  let centres = chosenRows(rows, V, rng);
  for (let i = 0; i < iterations; i++) centres = scope(() => improved(rows, centres));
  const tokens = nearest(rows, centres); // [n]
  return { centres, counts: countOf(tokens, V) };
}

/** One pass: the mean of the rows nearest to each centre. */
function improved(rows: Tensor, centres: Tensor): Tensor {
  const V = centres.side(0);
  const tokens = nearest(rows, centres); // [n]
  const counts = countOf(tokens, V).unsqueeze(-1); // [V 1]
  const sums = sumsOf(rows, tokens, V); // [V P]
  const distance = rows.sub(centres.indexSelect(0, tokens)).pow(2).sum([1]); // [n]
  const empty = counts.eq(0); // [V 1]
  const rank = empty.reshape([-1]).float().cumsum(0).sub(1).clamp(0).to("int64"); // [V]: of the empty ones, from 0
  const far = rows.indexSelect(0, distance.topk(Math.min(V, rows.side(0)), 0)[1]); // farthest first
  const replacement = far.indexSelect(0, rank.clamp(null, far.side(0) - 1)); // [V P]
  return replacement.where(empty, sums.div(counts.clamp(1)));
}
