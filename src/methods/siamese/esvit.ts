/**
 * Efficient Self-supervised Vision Transformers for Representation Learning (EsViT). Li, Yang, Zhang, Gao, Xiao, Dai, Yuan, Gao; ICLR 2022,
 * arXiv 2106.09785. Official code: microsoft/esvit, whose two losses, heads, centres and order of steps these are; what it shares with DINO
 * is dino.ts.
 *
 * What differs: as in dino.ts; both phases of the schedule are one run, whose optimiser goes on where the authors begin a new one.
 *
 * Expected: the official code's losses, gradients, teacher and centres over three optimiser steps (test/reference/esvit-*.safetensors).
 */
import { z } from "zod";
import { noGrad } from "../../engine/modes.js";
import { type RegionEncoder, regionEncoder } from "../../models/encoder.js";
import { zero } from "../../nn/init.js";
import { Buffer } from "../../nn/parameter.js";
import { rampAt } from "../../optim/schedule.js";
import { cat } from "../../tensor/creation.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { DefaultsFacts, MethodDefaults } from "../defaults.js";
import { type Batch, defineMethod, type Loss, type Step } from "../method.js";
import { DinoHead } from "../parts/dino-head.js";
import { type Regions, regionLoss } from "../parts/losses/regions.js";
import { type CropName, cropsOf, dinoCrops, encodeCrops } from "../parts/multi-crop.js";
import { ProjectorTeacher, type Student } from "../parts/teacher.js";
import { esvitLayout } from "../published/esvit.js";
import { Dino, dino, dinoConfig, headShape, headWork } from "./dino.js";

/** Schema of EsViT's options (docs/methods/esvit.md): DINO's, and those of the loss between regions. */
export const esvitConfig = dinoConfig.extend({
  name: z.literal("esvit").default("esvit"),
  regionWeight: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.5)
    .describe("share of the loss between regions, once it has joined; the rest is that between views"),
  regionsFrom: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("share of the run after which the loss between regions joins; 2/3 for models larger than Swin-S"),
});
/** EsViT's options with their defaults filled in. */
export type EsVitConfig = z.output<typeof esvitConfig>;

/**
 * EsViT: DINO over encoders of maps, with a second loss: every region of a student's crop must say what the most similar region of the
 * teacher's other crop says.
 */
export class EsVit extends Dino {
  readonly regionProjector: DinoHead;
  readonly regionTeacher: ProjectorTeacher;
  /** What is taken off the teacher's scores of regions [1 K]. */
  readonly regionCentre: Buffer;
  private readonly networks: { readonly student: RegionEncoder; readonly teacher: RegionEncoder };

  constructor(
    override readonly config: EsVitConfig,
    encoder: RegionEncoder,
    makeEncoder: () => RegionEncoder,
  ) {
    const teacher = makeEncoder();
    super(config, encoder, () => teacher);
    this.networks = { student: encoder, teacher };
    this.regionProjector = new DinoHead(headShape(config, encoder.width));
    this.regionTeacher = new ProjectorTeacher(new DinoHead(headShape(config, encoder.width)));
    this.regionCentre = new Buffer([1, config.outputs], zero);
  }

  /** The region heads follow and begin as the others do: what the teacher of regions is moved after. */
  private get regionStudent(): Student {
    return { state: () => this.regionProjector.state("projector.") };
  }

  override begin(): void {
    super.begin();
    this.regionTeacher.copy(this.regionStudent);
  }

  override afterStep(step: Step): void {
    super.afterStep(step);
    this.regionTeacher.follow(this.regionStudent, rampAt(this.config.momentum, step.progress));
  }

  /** global1, global2, local1, … [B C h w] -> both losses, each the mean over all pairs of a large crop and another one */
  protected override forward(batch: Batch<CropName>, step: Step): Loss {
    const { regionWeight: share, regionsFrom } = this.config;
    const globals = cropsOf(batch, "global");
    const crops = [...globals, ...cropsOf(batch, "local")];
    const B = globals[0]?.side(0) ?? 0;
    const theirs = noGrad(() => this.networks.teacher.regions(cat(globals, 0))); // [2·B U D]
    const rows = encodeCrops(crops, (image) => this.networks.student.regions(image).flatten(0, 1)); // [V·B·T D]
    const ours = cropwise(rows, B, crops.length, theirs.side(1)); // [B T D] each
    const views = cat(
      ours.map((regions) => regions.mean([1])),
      0,
    ); // [V·B D]
    const view = this.compare(
      views,
      noGrad(() => this.teacher.projector.call(theirs.mean([1]))),
      B,
      step,
    );
    if (step.progress < regionsFrom) return view;
    const regions = this.compareRegions(rows, ours, theirs, step); // []
    const total = view.total.mul(1 - share).add(regions.mul(share)); // []
    return { total, parts: { ...view.parts, regions: regions.detach() } };
  }

  /** The loss between regions; moves their centre. rows [V·B·T D], the same by crop [B T D] each, the teacher's [2·B U D] -> [] */
  private compareRegions(rows: Tensor, ours: readonly Tensor[], theirs: Tensor, { progress, world }: Step): Tensor {
    const [B, U] = [ours[0]?.side(0) ?? 0, theirs.side(1)];
    const scores = this.regionTeacher.call(theirs.flatten(0, 1)); // [2·B·U K]
    const paired = (features: readonly Tensor[], all: Tensor): Regions[] => {
      const parts = cropwise(all, B, features.length, U); // [B T K] each
      return features.map((one, i) => ({ features: one, scores: parts[i] as Tensor }));
    };
    const loss = regionLoss(
      paired(ours, this.regionProjector.call(rows)),
      paired(cropwise(theirs.flatten(0, 1), B, 2, U), scores),
      {
        centre: this.regionCentre,
        studentTemperature: this.config.studentTemperature,
        teacherTemperature: rampAt(this.config.teacherTemperature, progress),
      },
    );
    if (this.training) noGrad(() => this.moveCentre(this.regionCentre, world.mean(scores.mean([0], true))));
    return loss;
  }
}

/** rows of two large crops of U regions, then of small ones, crop after crop, picture after picture [V·B·T D] -> [B T D] each */
function cropwise(rows: Tensor, B: number, crops: number, U: number): Tensor[] {
  const small = crops > 2 ? (rows.side(0) / B - 2 * U) / (crops - 2) : 0;
  let at = 0;
  return Array.from({ length: crops }, (_, i) => {
    const [start, T] = [at, i < 2 ? U : small];
    at += B * T;
    return rows.slice(0, start, at).reshape([B, T, -1]);
  });
}

/** DINO's, whose crops these are, with the loss between regions: the heads see every place. */
function defaults(facts: DefaultsFacts): MethodDefaults {
  const views = dino.defaults?.(facts) ?? { choices: [], cost: 1 };
  const outputs = views.choices.find(({ key }) => key === "method.outputs")?.value as number;
  const seen = 2 + 2 / 3 + 8 * (3 / 7) ** 2; // large crops, the teacher's forward only, and small ones, of three sevenths of the side
  return {
    ...views,
    choices: [...views.choices, { key: "method.projector.normLastLayer", value: false, reason: "the official code's" }],
    cost: views.cost + (facts.patches * headWork(facts.width, outputs) * seen) / facts.multiplyAdds,
    schedule: { epochs: 300, reason: "the paper's schedule" },
  };
}

/** The definition of EsViT (Li et al. 2022): `{ name: "esvit" }` in a configuration. */
export const esvit = defineMethod({
  name: "esvit",
  config: esvitConfig,
  encoders: regionEncoder,
  usualModel: "swin",
  views: ({ augmentation }, image) => dinoCrops(augmentation, image),
  couplesBatch: () => "its centres are means of the whole batch",
  build: (config, makeEncoder) => new EsVit(config, makeEncoder(), makeEncoder),
  defaults,
  layouts: [esvitLayout("esvit")],
});
