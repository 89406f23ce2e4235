import { z } from "zod";
import { noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import { SafetensorsFile } from "../formats/safetensors.js";
import { Mae, maeConfig } from "../methods/masked/mae.js";
import { hiddenPatches, keptPatches, type Mask, maskFromNoise } from "../methods/parts/masks.js";
import { Vit, vitConfig } from "../models/vit.js";
import { loadState, tensorOf } from "../models/weights.js";
import { AdamW } from "../optim/adamw.js";
import { weightDecayGroups } from "../optim/groups.js";
import { backward } from "../tensor/grad.js";
import type { Tensor } from "../tensor/tensor.js";

/** One compared part: the largest difference over its tensors, relative to the tensor's largest value. */
export interface ReferencePart {
  readonly part: string;
  readonly tensors: number;
  /** max |a − b| / max |b| */
  readonly difference: number;
  readonly tolerance: number;
  /** The tensor in which the largest difference was found. */
  readonly worst: string;
  readonly passed: boolean;
}

const referenceConfig = z.object({
  imageSize: z.number(),
  patchSize: z.number(),
  width: z.number(),
  depth: z.number(),
  heads: z.number(),
  decoderWidth: z.number(),
  decoderDepth: z.number(),
  decoderHeads: z.number(),
  maskRatio: z.number(),
});
type ReferenceConfig = z.output<typeof referenceConfig>;

/**
 * Compares this implementation of MAE with numbers of the official code, in the layout of test/reference/README.md,
 * whatever configuration the file's metadata states. float32 on the CPU.
 * @throws FormatError, CheckpointError where the file is not of that layout
 */
export function checkReference(path: string): ReferencePart[] {
  using file = SafetensorsFile.open(path);
  const config = referenceConfig.parse(JSON.parse(file.metadata?.["config"] ?? "{}"));
  return scope(() => [...compareLosses(file, config), ...compareSteps(file, config)]);
}

function build(config: ReferenceConfig, file: SafetensorsFile, normalizeTargets: boolean): Mae {
  const [H, W] = [config.imageSize, config.imageSize];
  const vit = new Vit(
    vitConfig.parse({ width: config.width, depth: config.depth, heads: config.heads, patchSize: config.patchSize }),
    {
      imageSize: [H, W],
      channels: 3,
    },
  );
  const decoder = { width: config.decoderWidth, depth: config.decoderDepth, heads: config.decoderHeads };
  const model = new Mae(maeConfig.parse({ maskRatio: config.maskRatio, normalizeTargets, decoder }), vit);
  loadState(
    model.state(),
    {
      path: file.path,
      names: file.names.filter((name) => name.startsWith("weight/")),
      entry: (name) => file.entry(name),
      read: (name) => file.read(name),
    },
    { prefix: "weight/" },
  );
  return model;
}

/** Collects the largest difference of a part. */
class Comparison {
  #difference = 0;
  #worst = "";
  #tensors = 0;

  constructor(
    readonly part: string,
    readonly tolerance: number,
  ) {}

  add(name: string, ours: Tensor, theirs: Tensor): void {
    const largest = theirs.float().abs().amax([]).item();
    const apart = ours.detach().float().sub(theirs).abs().amax([]).item();
    const difference = largest === 0 ? apart : apart / largest;
    this.#tensors += 1;
    if (difference >= this.#difference || Number.isNaN(difference)) {
      this.#difference = difference;
      this.#worst = name;
    }
  }

  result(): ReferencePart {
    const passed = this.#tensors > 0 && this.#difference <= this.tolerance;
    return {
      part: this.part,
      tensors: this.#tensors,
      difference: this.#difference,
      tolerance: this.tolerance,
      worst: this.#worst,
      passed,
    };
  }
}

/**
 * The key rows of a qkv bias have no gradient in exact arithmetic (softmax does not change when a constant is added to
 * all scores), and Adam turns rounding noise into whole steps: only the query and value rows are compared.
 */
function comparable(name: string, value: Tensor): Tensor[] {
  if (!name.endsWith("attn.qkv.bias")) return [value];
  const third = value.side(0) / 3;
  return [value.slice(0, 0, third), value.slice(0, 2 * third)];
}

function addAll(into: Comparison, name: string, ours: Tensor, theirs: Tensor): void {
  const parts = comparable(name, theirs);
  for (const [i, part] of comparable(name, ours).entries()) into.add(name, part, parts[i] ?? part);
}

function maskIn(file: SafetensorsFile, config: ReferenceConfig): Mask {
  const patches = (config.imageSize / config.patchSize) ** 2;
  return maskFromNoise(tensorOf(file.read("noise")), keptPatches(patches, config.maskRatio));
}

function compareLosses(file: SafetensorsFile, config: ReferenceConfig): ReferencePart[] {
  const image = tensorOf(file.read("image"));
  const mask = maskIn(file, config);
  const masks = new Comparison("mask", 0);
  masks.add("mask", hiddenPatches(mask), tensorOf(file.read("mask")));
  const parts = [masks.result()];
  for (const tag of ["0", "1"]) {
    using model = build(config, file, tag === "1");
    const own = {
      latent: new Comparison("latent", 1e-5),
      prediction: new Comparison(`prediction.${tag}`, 1e-5),
      loss: new Comparison(`loss.${tag}`, 1e-5),
      gradients: new Comparison(`gradients.${tag}`, 1e-4),
    };
    const latent = model.encodeVisible(image, mask);
    own.latent.add("latent", latent, tensorOf(file.read("latent")));
    own.prediction.add(`pred.${tag}`, model.decode(latent, mask), tensorOf(file.read(`pred.${tag}`)));
    const loss = model.loss(image, mask);
    own.loss.add(`loss.${tag}`, loss, tensorOf(file.read(`loss.${tag}`)));
    backward(loss);
    for (const { name, tensor } of model.parameters()) {
      const gradient = tensor.grad;
      if (gradient !== undefined) addAll(own.gradients, name, gradient, tensorOf(file.read(`grad.${tag}/${name}`)));
    }
    parts.push(
      ...(tag === "0" ? [own.latent.result()] : []),
      own.prediction.result(),
      own.loss.result(),
      own.gradients.result(),
    );
  }
  return parts;
}

/** Five AdamW steps on the one batch, plain pixel targets (test/reference/README.md). */
function compareSteps(file: SafetensorsFile, config: ReferenceConfig): ReferencePart[] {
  const image = tensorOf(file.read("image"));
  const mask = maskIn(file, config);
  using model = build(config, file, false);
  const optimizer = new AdamW(weightDecayGroups(model.parameters(), 0.05), { betas: [0.9, 0.95], epsilon: 1e-8 });
  const losses = new Comparison("losses of five steps", 1e-5);
  const theirs = tensorOf(file.read("steps.loss"));
  for (let step = 0; step < 5; step++) {
    optimizer.zeroGrad();
    const loss = model.loss(image, mask);
    losses.add(`step ${step}`, loss, theirs.select(0, step));
    backward(loss);
    optimizer.step(1e-3);
  }
  optimizer.close();
  const after = new Comparison("parameters after five steps", 1e-4);
  noGrad(() => {
    for (const [name, tensor] of model.state()) addAll(after, name, tensor, tensorOf(file.read(`after/${name}`)));
  });
  return [losses.result(), after.result()];
}
