import type { NamedTensor, ParameterGroup } from "./optimizer.js";

/** Says whether weight decay acts on a parameter. */
export type DecayRule = (parameter: NamedTensor) => boolean;

/**
 * MAE's pre-training rule (timm's `add_weight_decay`): all but vectors and biases. The class and mask tokens have
 * three dimensions, so they are decayed.
 */
const pretrainingDecay: DecayRule = ({ name, tensor }) => tensor.rank > 1 && !name.endsWith(".bias");

/** The fine-tuning rule: class token and positions are spared too (`no_weight_decay` of timm's ViT). */
export const fineTuningDecay: DecayRule = ({ name, tensor }) =>
  tensor.rank > 1 && !/(^|\.)(cls_token|pos_embed|dist_token)$/.test(name);

/** Two groups, decayed parameters first; a group without parameters is left out. */
export function weightDecayGroups(
  parameters: readonly NamedTensor[],
  weightDecay: number,
  decays: DecayRule = pretrainingDecay,
): ParameterGroup[] {
  const groups = [
    { tensors: parameters.filter(decays), weightDecay, learningRateScale: 1 },
    { tensors: parameters.filter((parameter) => !decays(parameter)), weightDecay: 0, learningRateScale: 1 },
  ];
  return groups.filter((group) => group.tensors.length > 0);
}

/** Where a parameter stands in a ViT of `depth` blocks: 0 tokens, positions and patches, i + 1 block i, depth + 1 the rest. */
export function vitLayer(name: string, depth: number): number {
  if (/(^|\.)(cls_token|mask_token|pos_embed$|patch_embed\.)/.test(name)) return 0;
  const block = /(^|\.)blocks\.(\d+)\./.exec(name);
  return block === null ? depth + 1 : Number(block[2]) + 1;
}

export interface LayerDecay {
  readonly weightDecay: number;
  /** Factor from one layer to the one below it (MAE: 0.65 for ViT-B, 0.75 for larger). */
  readonly layerDecay: number;
  /** Number of blocks. */
  readonly depth: number;
  readonly decays?: DecayRule;
  readonly layerOf?: (name: string, depth: number) => number;
}

/**
 * Layer-wise learning rates for fine-tuning (BEiT, MAE: util/lr_decay.py): layer `id` takes `layerDecay^(depth + 1 − id)`
 * of the rate, the head all of it. At most two groups a layer, from the bottom up.
 */
export function layerDecayGroups(
  parameters: readonly NamedTensor[],
  { weightDecay, layerDecay, depth, decays = fineTuningDecay, layerOf = vitLayer }: LayerDecay,
): ParameterGroup[] {
  return Array.from({ length: depth + 2 }, (_, layer) => {
    const own = parameters.filter(({ name }) => layerOf(name, depth) === layer);
    const learningRateScale = layerDecay ** (depth + 1 - layer);
    return weightDecayGroups(own, weightDecay, decays).map((group) => ({ ...group, learningRateScale }));
  }).flat();
}
