/**
 * A method of one's own, in a file of one's own: Barlow Twins (Zbontar, Jing, Misra, LeCun, Deny; ICML 2021, arXiv 2103.03230).
 * Two views of a picture go through encoder and projector; the cross-correlation of the two batches of projections is pulled
 * towards the identity. `lacuna pretrain photos --plugin examples/own-method.ts --method.name=barlowTwins` trains it, with
 * resume, probes, `inspect`, `embed`, `evaluate` and `finetune` like every other.
 */
import {
  anyEncoder,
  BatchNorm1d,
  Chain,
  defineMethod,
  type Encoder,
  type Health,
  Linear,
  type Loss,
  Method,
  type MethodBatch,
  type Module,
  Relu,
  type Step,
  type Tensor,
} from "lacuna";
import { z } from "zod";

const barlowTwinsConfig = z.strictObject({
  name: z.literal("barlowTwins").default("barlowTwins"),
  lambda: z.number().positive().default(0.005).describe("weight of what is off the diagonal (paper, section 2.1)"),
  width: z.int().positive().default(512).describe("of the projector's three layers"),
});
type BarlowTwinsConfig = z.output<typeof barlowTwinsConfig>;
type Views = "first" | "second";

class BarlowTwins extends Method<Views> {
  readonly projector: Chain<Module>;

  constructor(
    readonly config: BarlowTwinsConfig,
    readonly encoder: Encoder,
  ) {
    super();
    const { width } = config;
    const layer = (inputs: number) => [new Linear(inputs, width, { bias: false }), new BatchNorm1d(width), new Relu()];
    this.projector = new Chain<Module>([
      ...layer(encoder.width),
      ...layer(width),
      new Linear(width, width, { bias: false }),
    ]);
  }

  /** first, second [B C H W] -> Σ (1 − C_ii)² + λ Σ C_ij² (equation 1), C their cross-correlation over the batch */
  protected forward({ first, second }: MethodBatch<Views>, _: Step): Loss {
    const [a, b] = [this.project(first), this.project(second)]; // [B D] each, mean 0 and deviation 1
    const correlation = a.transpose(0, 1).matmul(b).div(a.side(0)); // [D D]
    const diagonal = a.mul(b).mean([0]); // [D]
    const on = diagonal.sub(1).pow(2).sum(); // []
    const off = correlation.pow(2).sum().sub(diagonal.pow(2).sum()); // []
    return { total: on.add(off.mul(this.config.lambda)), parts: { on, off, agreement: diagonal.mean() } };
  }

  private project(image: Tensor): Tensor {
    const z = this.projector.call(this.features(image)).float(); // [B D]
    return z.sub(z.mean([0])).div(z.var([0], 0).add(1e-5).sqrt());
  }

  override health(): Health {
    const causes = ["The learning rate may be too high.", "The batch may be too small to tell dimensions apart."];
    const finding = "The two views of a picture have nothing in common.";
    return {
      loss: "moves",
      signals: [{ name: "agreement", what: "agreement of the views", below: 0.05, finding, causes }],
    };
  }
}

export default defineMethod({
  name: "barlowTwins",
  config: barlowTwinsConfig,
  encoders: anyEncoder,
  couplesBatch: () => "the correlation is taken over the batch",
  views: (_, { imageSize: size }) => {
    const jitter = { brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1, probability: 0.8 };
    const view = [
      { type: "randomResizedCrop", size, scale: [0.2, 1], ratio: [3 / 4, 4 / 3] },
      { type: "flip", probability: 0.5 },
      { type: "colorJitter", ...jitter },
    ] as const;
    return { first: view, second: view };
  },
  build: (config, makeEncoder) => new BarlowTwins(config, makeEncoder()),
});
