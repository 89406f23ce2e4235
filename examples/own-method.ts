/**
 * A method of one's own, in a file of one's own: Barlow Twins (Zbontar, Jing, Misra, LeCun, Deny; ICML 2021, arXiv 2103.03230).
 * Two views of a picture go through encoder and projector; the cross-correlation of the two batches of projections is pulled
 * towards the identity. `lacuna pretrain photos --plugin examples/own-method.ts --method.name=barlowTwins` trains it, with
 * resume, probes, `inspect`, `embed`, `evaluate` and `finetune` like every other. On CIFAR-10, three epochs with a narrow ResNet-18: 20-NN
 * 27 → 35 %, linear probe 28 → 40 % (records/2026-12-01-own-method-cifar10).
 */
import {
  asymmetricPair,
  type Batch,
  defineMethod,
  type Health,
  type Loss,
  Method,
  mlpHead,
  type Step,
  viewPairConfig,
} from "lacuna/methods";
import { anyEncoder, type Encoder } from "lacuna/models";
import type { Module } from "lacuna/nn";
import { z } from "zod";

const barlowTwinsConfig = z.strictObject({
  name: z.literal("barlowTwins").default("barlowTwins"),
  lambda: z.number().positive().default(0.005).describe("weight of what is off the diagonal (paper, section 2.1)"),
  width: z.int().positive().default(512).describe("of the projector's three layers"),
  augmentation: viewPairConfig,
});
type BarlowTwinsConfig = z.output<typeof barlowTwinsConfig>;
type Views = "first" | "second";

class BarlowTwins extends Method<Views> {
  readonly projector: Module;

  constructor(
    readonly config: BarlowTwinsConfig,
    readonly encoder: Encoder,
  ) {
    super();
    const { width } = config;
    const shape = { inputs: encoder.width, layers: 3, hidden: width, output: width };
    this.projector = mlpHead({ ...shape, batchNorm: true, lastNorm: true });
  }

  /** first, second [B C H W] -> Σ (1 − C_ii)² + λ Σ C_ij² (equation 1), C their cross-correlation over the batch */
  protected forward({ first, second }: Batch<Views>, _: Step): Loss {
    const a = this.projector.call(this.features(first)).float(); // [B D], normed over the batch
    const b = this.projector.call(this.features(second)).float(); // [B D]
    const correlation = a.transpose(0, 1).matmul(b).div(a.side(0)); // [D D]
    const diagonal = a.mul(b).mean([0]); // [D]
    const on = diagonal.sub(1).pow(2).sum(); // []
    const off = correlation.pow(2).sum().sub(diagonal.pow(2).sum()); // []
    return { total: on.add(off.mul(this.config.lambda)), parts: { on, off, agreement: diagonal.mean() } };
  }

  override health(): Health {
    const causes = ["The learning rate may be too high.", "The batch may be too small to tell dimensions apart."];
    const finding = "The two views of a picture have nothing in common.";
    const agreement = { name: "agreement", what: "agreement of the views", below: 0.05, finding, causes };
    return { loss: "moves", signals: [agreement] };
  }
}

export default defineMethod({
  name: "barlowTwins",
  config: barlowTwinsConfig,
  encoders: anyEncoder,
  couplesBatch: () => "the correlation is taken over the batch",
  views: ({ augmentation }, image) => asymmetricPair(augmentation, image),
  build: (config, makeEncoder) => new BarlowTwins(config, makeEncoder()),
});
