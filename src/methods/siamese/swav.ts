/**
 * Unsupervised Learning of Visual Features by Contrasting Cluster Assignments (SwAV). Caron, Misra, Mairal, Goyal, Bojanowski, Joulin;
 * NeurIPS 2020, arXiv 2006.09882. Official code: facebookresearch/swav, whose head, codes, queue and order of steps these are.
 *
 * What differs: any encoder, image size and number of channels; prototypes, codes and loss are float32 under every precision; colours are
 * normalised by ImageNet's deviations (the released code has 0.228 for red's 0.229). The rate reaches its peak one step later.
 *
 * Expected: the official code's losses, gradients, prototypes and queues over three optimiser steps, with small crops and with a queue
 * (test/methods/siamese/swav.test.ts, from test/reference/swav-*.safetensors).
 */
import { z } from "zod";
import { noGrad, withoutAutocast } from "../../engine/modes.js";
import { anyEncoder, type Encoder, type Pool } from "../../models/encoder.js";
import type { DefaultChoice } from "../../models/sizes.js";
import { uniformFanIn } from "../../nn/init.js";
import { Linear } from "../../nn/linear.js";
import type { Module } from "../../nn/module.js";
import { cat, ones } from "../../tensor/creation.js";
import { linear, normalize } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { DefaultsFacts, MethodDefaults } from "../defaults.js";
import type { Health } from "../health.js";
import { type Batch, defineMethod, type Loss, Method, type ParameterRule, type Step } from "../method.js";
import { entropies, information, spread, spreadSignal } from "../parts/collapse.js";
import { mlpHead } from "../parts/heads.js";
import { sinkhorn } from "../parts/losses/sinkhorn.js";
import { swappedCrossEntropy } from "../parts/losses/swapped.js";
import { type CropName, checkCrops, cropsOf, encodeCrops, swavCrops, swavCropsConfig } from "../parts/multi-crop.js";
import { KeyQueue } from "../parts/queue.js";
import { swavLayout } from "../published/swav.js";

const positive = z.int().positive();

/** Schema of SwAV's options (docs/methods/swav.md). */
export const swavConfig = z.strictObject({
  name: z.literal("swav").default("swav"),
  prototypes: positive.default(3000).describe("vectors K that pictures are assigned to"),
  frozenSteps: z
    .int()
    .min(0)
    .default(313)
    .describe("steps in which prototypes keep their first values; 5005 with batches of 256"),
  temperature: z.number().positive().default(0.1).describe("of the predictions"),
  epsilon: z
    .number()
    .positive()
    .default(0.05)
    .describe("smoothness of the codes; 0.03 where the loss stays at ln K (official code)"),
  iterations: positive.default(3).describe("of Sinkhorn-Knopp"),
  projector: z
    .strictObject({
      layers: positive.default(2).describe("linear layers, batch norm and ReLU between them"),
      hidden: positive.default(2048).describe("width between the layers"),
      output: positive.default(128).describe("width of the unit vectors"),
    })
    .prefault({}),
  queue: z
    .strictObject({
      length: z
        .int()
        .min(0)
        .default(0)
        .describe("vectors of past batches, of each large crop, that codes are made with; 3840 with batches of 256"),
      fromEpoch: z
        .number()
        .min(0)
        .default(15)
        .describe("the epoch in which it begins to fill; it is used once it is full"),
    })
    .prefault({}),
  augmentation: swavCropsConfig,
});
/** SwAV's options with their defaults filled in. */
export type SwavConfig = z.output<typeof swavConfig>;

/** Large crops, whose codes the others predict. */
const assigned = 2;

/**
 * SwAV: from any crop of a picture the code of another, large one must be predicted. A code says to which prototypes a crop belongs, and
 * codes of a batch use all prototypes equally.
 */
export class Swav extends Method<CropName> {
  readonly projector: Module;
  readonly prototypes: Linear;
  /** Of each large crop. */
  readonly queues: readonly KeyQueue[];
  /** What goes into the projector, and what evaluation sees. */
  override readonly pool: Pool;

  constructor(
    readonly config: SwavConfig,
    readonly encoder: Encoder,
  ) {
    super();
    checkCrops(config.augmentation, encoder);
    this.pool = encoder.pools.includes("class") ? "class" : "mean";
    const { output } = config.projector;
    const norms = { batchNorm: true, lastNorm: false, bias: "every" } as const;
    this.projector = mlpHead({ inputs: encoder.width, ...config.projector, ...norms });
    this.prototypes = new Linear(output, config.prototypes, { bias: false, weightInit: uniformFanIn(output) });
    const { length } = config.queue;
    this.queues = Array.from({ length: length > 0 ? assigned : 0 }, () => new KeyQueue(length, output, "empty"));
  }

  /** global1, global2, local1, … [B C h w] -> cross-entropy of each crop's prediction with the other large crops' codes (algorithm 1) */
  protected forward(batch: Batch<CropName>, step: Step): Loss {
    const globals = cropsOf(batch, "global");
    const crops = [...globals, ...cropsOf(batch, "local")];
    const [B, V, K] = [globals[0]?.side(0) ?? 0, crops.length, this.config.prototypes];
    const features = encodeCrops(crops, (image) => this.features(image)); // [V·B W]
    const projected = this.projector.call(features); // [V·B D]
    return withoutAutocast(() => {
      const vectors = normalize(projected.float()); // [V·B D]
      const prototypes = this.unitPrototypes(); // [K D]
      const scores = linear(vectors, prototypes, null); // [V·B K]
      const codes = noGrad(() =>
        cat(
          globals.map((_, i) => this.codesOf(i, vectors.slice(0, i * B, (i + 1) * B), prototypes, step)),
          0,
        ),
      ); // [2B K]
      const logs = scores.div(this.config.temperature).logSoftmax(1); // [V·B K]
      const loss = swappedCrossEntropy(logs.reshape([V, B, K]), codes.reshape([globals.length, B, K])); // []
      return {
        total: loss,
        parts: noGrad(() => this.judged(loss, logs.slice(0, 0, globals.length * B), codes, features)),
      };
    });
  }

  /** Prototypes of length 1: in training they are made so before each step, in place. -> [K D] */
  private unitPrototypes(): Tensor {
    const { weight } = this.prototypes;
    if (!this.training) return normalize(weight);
    noGrad(() => void weight.copy_(normalize(weight)));
    return weight;
  }

  /** vectors of large crop i [B D] -> their codes [B K], made together with those of past batches; then they join these */
  private codesOf(i: number, given: Tensor, prototypes: Tensor, { index, epoch, world }: Step): Tensor {
    const { epsilon, iterations, queue: when } = this.config;
    const vectors = given.detach(); // [B D]
    const queue = this.queues[i];
    if (queue === undefined || epoch < when.fromEpoch)
      return sinkhorn(linear(vectors, prototypes, null), { epsilon, iterations, world });
    const [B, L] = [vectors.side(0), queue.length];
    const all = cat([queue.call(), vectors], 0); // [L+B D]
    const like = { device: vectors.device };
    const counted = cat([ones([L, 1], like).mul(queue.isFull()), ones([B, 1], like)], 0); // [L+B 1]
    const codes = sinkhorn(linear(all, prototypes, null), { epsilon, iterations, counted, world }).slice(0, L); // [B K]
    if (this.training) queue.enqueue(vectors, index);
    return codes;
  }

  /** logs of the large crops' predictions [2B K], codes [2B K], features of all crops [V·B W] */
  private judged(loss: Tensor, logs: Tensor, codes: Tensor, features: Tensor): Readonly<Record<string, Tensor>> {
    const predictions = logs.exp(); // [2B K]
    const ofCodes = entropies(codes).mean(); // []
    return {
      entropy: ofCodes,
      divergence: loss.sub(ofCodes),
      uniformity: entropies(predictions)
        .mean()
        .div(Math.log(Math.max(2, this.config.prototypes))),
      information: information(predictions),
      spread: spread(features.slice(0, 0, logs.side(0) / assigned)),
    };
  }

  /** Takes the prototypes' gradient away while they are frozen, so that they do not decay either. */
  override beforeUpdate({ index }: Step): undefined {
    if (index < this.config.frozenSteps) this.prototypes.weight.grad = undefined;
  }

  /** Decay acts on every tensor (official code). */
  override ruleFor(): ParameterRule {
    return { decays: true };
  }

  override health(): Health {
    return { loss: "moves", signals };
  }
}

const causes = [
  "Codes are too smooth: set method.epsilon to 0.03.",
  "The learning rate is too high: try a third of it.",
  "Prototypes move too early: set method.frozenSteps to an epoch's steps, and method.queue.fromEpoch later.",
];

/** A loss that stays at ln K has learned nothing: predictions are uniform, or the same for all pictures. */
const signals: Health["signals"] = [
  {
    name: "uniformity",
    what: "entropy of the predictions over that of a uniform one",
    above: 0.995,
    finding: "Predictions are uniform: the loss stays at ln K.",
    causes,
  },
  {
    name: "information",
    what: "what a prediction tells of a picture, in nats",
    below: 0.02,
    finding: "All pictures have the same prediction: they cannot be told apart by their prototypes.",
    causes,
  },
  spreadSignal(causes),
];

/** Numbers are the official code's; for runs and pictures that the paper does not know, what they are scaled by. */
function defaults({
  pictures,
  width,
  multiplyAdds,
  side,
  shorterSide = side,
  device,
  length,
}: DefaultsFacts): MethodDefaults {
  const most = device === "cuda" ? 1024 : 256;
  const batch = 2 ** Math.floor(Math.log2(Math.min(most, Math.max(pictures / 4, Math.min(32, pictures)))));
  const prototypes = Math.round(Math.min(3000, Math.max(30, pictures / 100)));
  const wanted = Math.ceil((1.28 * prototypes) / batch) * batch; // of vectors that codes are made of, as 4,096 for 3,000
  const queue = Math.max(0, wanted - batch);
  const head = (width * 2048 + 2048 * 128 + 128 * prototypes) / multiplyAdds;
  const small = 6 * (3 / 7) ** 2; // six crops of three sevenths of the side
  return {
    choices: [
      { key: "method.prototypes", value: prototypes, reason: "a hundredth of the pictures, at most the paper's 3,000" },
      { key: "method.frozenSteps", value: Math.floor(pictures / batch), reason: "an epoch, as the official code's" },
      ...queueFor(queue, length),
      ...(shorterSide < 64
        ? [{ key: "method.augmentation.blur", value: false, reason: "so small pictures are trained without (SimCLR)" }]
        : []),
      { key: "data.batchSize", value: batch, reason: `a quarter of the pictures, at most ${most}` },
      { key: "optim.name", value: "larc", reason: "the paper's" },
      { key: "optim.baseLearningRate", value: 0.6, reason: "the official code's for small batches" },
      { key: "optim.weightDecay", value: 1e-6, reason: "the paper's, on every tensor" },
      { key: "optim.warmupEpochs", value: 0, reason: "the official code's for small batches: none" },
    ],
    cost: 2 + small + head * 8,
    memory: 2 + small,
    schedule: { epochs: 800, reason: "the paper's longest schedule" },
  };
}

function queueFor(vectors: number, length: DefaultsFacts["length"]): readonly DefaultChoice[] {
  if (vectors === 0) return [];
  const reason = "with the batch a quarter more vectors than prototypes";
  const size = { key: "method.queue.length", value: vectors, reason };
  if (length === undefined) return [size];
  const fromEpoch = Number(((15 / 200) * length.epochs).toPrecision(2));
  const share = "the official code's share of the run, 15 epochs of 200";
  return [size, { key: "method.queue.fromEpoch", value: fromEpoch, reason: share }];
}

/** The definition of SwAV (Caron et al. 2020): `{ name: "swav" }` in a configuration. */
export const swav = defineMethod({
  name: "swav",
  config: swavConfig,
  encoders: anyEncoder,
  usualModel: "resnet",
  views: ({ augmentation }, image) => swavCrops(augmentation, image),
  couplesBatch: () => "its codes use all prototypes equally over the batch, and its head normalises over it",
  build: (config, makeEncoder) => new Swav(config, makeEncoder()),
  defaults,
  layouts: [swavLayout("swav")],
});
