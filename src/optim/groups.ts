import type { NamedTensor, ParameterGroup } from "./optimizer.js";

/** Says whether weight decay acts on a parameter. */
export type DecayRule = (parameter: NamedTensor) => boolean;

/**
 * MAE's pre-training rule (timm's `add_weight_decay`): all but vectors and biases. The class and mask tokens have
 * three dimensions, so they are decayed.
 */
const pretrainingDecay: DecayRule = ({ name, tensor }) => tensor.rank > 1 && !name.endsWith(".bias");

/**
 * The fine-tuning rule: class token and positions are spared too (`no_weight_decay` of timm's ViT and Swin), and γ and β of response
 * normalisation, whatever their dimensions (facebookresearch/ConvNeXt-V2, `optim_factory.py`).
 */
export const fineTuningDecay: DecayRule = ({ name, tensor }) =>
  tensor.rank > 1 && !/(^|\.)(cls_token|pos_embed|dist_token|bias|gamma|beta|relative_position_bias_table)$/.test(name);

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

/** How learning rates fall from the head down to the first layer, and what is decayed. */
export interface LayerDecay {
  readonly weightDecay: number;
  /** Factor from one layer to the one below it (MAE: 0.65 for ViT-B, 0.75 for larger). */
  readonly layerDecay: number;
  /** Number of layers. */
  readonly depth: number;
  readonly decays?: DecayRule;
  /** Where a parameter stands, 0 to depth + 1: what the encoder answers (`Encoder.layerOf`). */
  readonly layerOf: (name: string) => number;
}

/**
 * Layer-wise learning rates for fine-tuning (BEiT, MAE: util/lr_decay.py): layer `id` takes `layerDecay^(depth + 1 − id)`
 * of the rate, the head all of it. At most two groups a layer, from the bottom up.
 */
export function layerDecayGroups(
  parameters: readonly NamedTensor[],
  { weightDecay, layerDecay, depth, decays = fineTuningDecay, layerOf }: LayerDecay,
): ParameterGroup[] {
  return ruledGroups(parameters, weightDecay, (parameter) => ({
    decays: decays(parameter),
    rate: layerDecay ** (depth + 1 - layerOf(parameter.name)),
  }));
}

/** What is said of one parameter; the rest is as usual. */
export interface GroupRule {
  readonly decays?: boolean | undefined;
  readonly rate?: number | undefined;
  readonly constantRate?: boolean | undefined;
}

/** Parameters that are treated alike in one group: smaller rates first, decayed ones before the others. */
export function ruledGroups(
  parameters: readonly NamedTensor[],
  weightDecay: number,
  ruleFor: (parameter: NamedTensor) => GroupRule | undefined,
): ParameterGroup[] {
  const groups = new Map<string, ParameterGroup & { readonly tensors: NamedTensor[] }>();
  for (const parameter of parameters) {
    const { decays = pretrainingDecay(parameter), rate = 1, constantRate = false } = ruleFor(parameter) ?? {};
    const key = `${rate}/${decays}/${constantRate}`;
    const fresh = { tensors: [], weightDecay: decays ? weightDecay : 0, learningRateScale: rate, constantRate };
    const group = groups.get(key) ?? fresh;
    groups.set(key, group);
    group.tensors.push(parameter);
  }
  return [...groups.values()].sort(
    (a, b) => a.learningRateScale - b.learningRateScale || b.weightDecay - a.weightDecay,
  );
}
