import { noGrad, withoutAutocast } from "../../../engine/modes.js";
import { normal, zero } from "../../../nn/init.js";
import { Buffer, Module } from "../../../nn/module.js";
import type { Initializer } from "../../../nn/parameter.js";
import { zeros } from "../../../tensor/creation.js";
import { mseLoss, normalize } from "../../../tensor/functional.js";
import type { Rng } from "../../../tensor/random.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Step } from "../../method.js";
import { countOf, nearest, sphericalKMeans, sumsOf } from "./clusters.js";

/** How a codebook is made and moves. */
export interface CodebookShape {
  /** V */
  readonly vocabulary: number;
  /** C */
  readonly codeWidth: number;
  /** Share of itself that a code keeps at a step. */
  readonly momentum: number;
  /** Which codes count as dead, and how often they are put elsewhere; never if absent. */
  readonly revival?: { readonly every: number; readonly below: number } | undefined;
}

/** What a batch becomes. */
export interface Quantized {
  /** The code of each vector, whose gradient is the unit vector's [B N C] */
  readonly quantized: Tensor;
  /** [B N] int64 */
  readonly tokens: Tensor;
  /** Mean squared distance of the numbers of unit vectors from those of their codes [] */
  readonly loss: Tensor;
  /** Codes that were put elsewhere after this batch [], where there is a revival */
  readonly revived?: Tensor;
}

const unitRows: Initializer = (shape, rng) => normalize(normal(1)(shape, rng));

/** The codes, unit vectors. */
class Codebook extends Module {
  readonly weight: Buffer; // [V C]

  constructor({ vocabulary, codeWidth }: CodebookShape) {
    super();
    this.weight = new Buffer([vocabulary, codeWidth], unitRows);
  }

  /** tokens [B N] int64 -> their codes, copied [B N C] */
  protected forward(tokens: Tensor): Tensor {
    return this.weight.indexSelect(0, tokens.flatten()).reshape([...tokens.shape, -1]);
  }
}

/**
 * A codebook on the unit sphere (BEiT v2, section 2.1; official `NormEMAVectorQuantizer`): a vector becomes the code of the largest cosine, and
 * every code that was chosen moves towards the mean direction of its vectors, however many they are. Always in float32. Names in the state
 * are the official ones; `patch_sums`, from which tokens are drawn, is ours.
 */
export class CosineQuantizer extends Module<[vectors: Tensor, patches: Tensor, step: Step], Quantized> {
  readonly embedding: Codebook;
  /** How many vectors of a batch a code had, a moving average [V] */
  readonly clusterSize: Buffer;
  /** The sum of their patches' pixels, the same average [V P] */
  readonly patchSums: Buffer;

  /** @param patchValues numbers of a patch's pixels, P */
  constructor(
    private readonly shape: CodebookShape,
    patchValues: number,
  ) {
    super();
    this.embedding = new Codebook(shape);
    this.clusterSize = new Buffer([shape.vocabulary], zero);
    this.patchSums = new Buffer([shape.vocabulary, patchValues], zero);
  }

  /** vectors of any length [B N C], pixels of their patches [B N P] -> codes, tokens, loss; in training the codebook moves afterwards */
  protected forward(vectors: Tensor, patches: Tensor, step: Step): Quantized {
    return withoutAutocast(() => {
      const unit = normalize(vectors.float()); // [B N C]
      const tokens = this.tokens(unit); // [B N]
      const codes = this.embedding.call(tokens); // [B N C]
      const revived = this.training ? this.learn(unit, patches, tokens, step) : undefined;
      const quantized = unit.add(codes.sub(unit).detach()); // straight-through
      return { quantized, tokens, loss: mseLoss(unit, codes), ...(revived && { revived }) };
    });
  }

  /** vectors of any length [B N C] -> the code of the largest cosine [B N] int64 */
  tokens(vectors: Tensor): Tensor {
    return noGrad(() => nearest(normalize(vectors.float()), this.embedding.weight));
  }

  /** tokens [B N] -> the mean of the patches that had them of late [B N P]; grey where there were none */
  patches(tokens: Tensor): Tensor {
    const flat = tokens.flatten(); // [B·N]
    const sums = this.patchSums.indexSelect(0, flat); // [B·N P]
    const sizes = this.clusterSize.indexSelect(0, flat).clamp(1e-20).unsqueeze(-1); // [B·N 1]
    return sums.div(sizes).reshape([...tokens.shape, -1]);
  }

  /** The share of the codes that a vector had in the last ln 10 / (1 − momentum) steps or so: 230 at 0.99 [] */
  used(): Tensor {
    return this.clusterSize
      .gt((1 - this.shape.momentum) / 10)
      .float()
      .mean();
  }

  /** First codes: spherical k-means of vectors [n C], ten passes (official code). */
  begin(vectors: Tensor, rng: Rng): void {
    const unit = normalize(vectors.float());
    this.embedding.weight.copy_(sphericalKMeans(unit, this.shape.vocabulary, 10, rng));
  }

  /** @returns how many codes were revived, where there is a revival */
  private learn(unit: Tensor, patches: Tensor, tokens: Tensor, step: Step): Tensor | undefined {
    return noGrad(() => {
      const batch = { vectors: unit.detach().flatten(0, 1), patches: patches.detach().float().flatten(0, 1) }; // [n C], [n P]
      this.move(batch, tokens.flatten(), step);
      return this.shape.revival && this.revive(batch, step, this.shape.revival);
    });
  }

  private move({ vectors, patches }: VectorsOfPatches, tokens: Tensor, { world }: Step): void {
    const { vocabulary: V, momentum: kept } = this.shape;
    const { weight } = this.embedding;
    const ofAll = (sums: Tensor): Tensor => world.mean(sums).mul(world.size);
    const average = (old: Tensor, now: Tensor): Tensor => old.mul(kept).add(now.mul(1 - kept));
    const counts = ofAll(countOf(tokens, V)); // [V]
    const means = normalize(ofAll(sumsOf(vectors, tokens, V))).where(counts.gt(0).unsqueeze(-1), weight); // [V C]
    weight.copy_(normalize(average(weight, means)));
    this.clusterSize.copy_(average(this.clusterSize, counts));
    this.patchSums.copy_(average(this.patchSums, ofAll(sumsOf(patches, tokens, V))));
  }

  /** Puts codes that hardly any vector had on vectors of the batch, which then count as used as the mean code is. */
  private revive(
    { vectors, patches }: VectorsOfPatches,
    { index, rng, world }: Step,
    { every, below }: NonNullable<CodebookShape["revival"]>,
  ): Tensor {
    const { clusterSize, patchSums } = this;
    const { weight } = this.embedding;
    if (index === 0 || index % every !== 0) return zeros([], { device: vectors.device });
    const mean = clusterSize.mean(); // []
    const isDead = clusterSize.lt(mean.mul(below)); // [V]
    const draws = rng.fork("revive").uniform([vectors.side(0) / rng.samples.length], vectors.device); // [B N]
    const order = world.gather(draws.flatten()).argsort(0); // [n]
    const rank = isDead
      .float()
      .cumsum(0)
      .sub(1)
      .clamp(0, order.side(0) - 1)
      .to("int64"); // [V], of the dead ones
    const chosen = order.indexSelect(0, rank); // [V]
    const rows = (all: Tensor): Tensor => world.gather(all).indexSelect(0, chosen); // [V …]
    const dead = isDead.unsqueeze(-1); // [V 1]
    weight.copy_(rows(vectors).where(dead, weight));
    patchSums.copy_(rows(patches).mul(mean).where(dead, patchSums));
    clusterSize.copy_(mean.expand([clusterSize.side(0)]).where(isDead, clusterSize));
    return isDead.float().sum();
  }
}

interface VectorsOfPatches {
  readonly vectors: Tensor; // [n C]
  readonly patches: Tensor; // [n P]
}
