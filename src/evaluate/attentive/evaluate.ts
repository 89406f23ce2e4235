/** An encoder judged by the attentive probe, beside the encoder before training. */
import { scope } from "../../engine/scope.js";
import type { Encoder } from "../../models/encoder.js";
import { type Gain, pairedGain } from "../../runs/summary.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type LoadedModel, untrainedModel } from "../../train/checkpoints/load.js";
import { type Encode, type FeatureSetting, type FeaturesProgress, featuresOf } from "../encoder.js";
import {
  type AttentiveOptions,
  type AttentiveResult,
  attentiveProbe,
  type LabelledTokens,
  normalizeTokens,
} from "./probe.js";

/** How an encoder is judged by attentive probes. */
export interface AttentiveSetting
  extends Omit<FeatureSetting, "config" | "onProgress">,
    Pick<AttentiveOptions, "epochs" | "rates" | "seed"> {
  readonly onProgress?: (progress: AttentiveProgress) => void;
}

/** How far it is: encoding pictures, or training probes. */
export type AttentiveProgress =
  | FeaturesProgress
  | { readonly stage: "probe"; readonly encoder: string; readonly share: number };

/** What an attentive probe found of one encoder. */
export interface AttentiveRow extends Omit<AttentiveResult, "predictions"> {
  readonly name: string;
  /** Tokens of a picture, and numbers in each. */
  readonly tokens: number;
  readonly dimensions: number;
  /** That were judged. */
  readonly pictures: number;
  /** Of each judged picture 1 where it was found, else 0. */
  readonly right: Uint8Array;
  readonly seconds: number;
}

/**
 * The encoder before training and the model's own, each judged by `attentiveProbe` on all tokens of its last layer: of a ViT the class token
 * and the patches, behind the final norm; of an encoder of maps its places. All tokens of both sides are kept in memory, in float32.
 * @param setting labelled pictures, as `openTrainTest` gives them @throws StateError for tokens that are not finite
 */
export async function evaluateAttentive(
  model: LoadedModel,
  setting: AttentiveSetting,
): Promise<[before: AttentiveRow, after: AttentiveRow]> {
  const untrained = untrainedModel(model.config);
  try {
    const before = await judge("before training", untrained.encoder, model, setting);
    const name = `after ${model.step.toLocaleString("en-US")} steps`;
    return [before, await judge(name, model.encoder, model, setting)];
  } finally {
    untrained.close();
  }
}

/** What training gained by the attentive probe, in shares: 0.05 for five points. */
export function attentiveGain(before: AttentiveRow, after: AttentiveRow): Gain {
  return pairedGain(before.right, after.right);
}

async function judge(
  name: string,
  encoder: Encoder,
  { config }: Pick<LoadedModel, "config">,
  setting: AttentiveSetting,
): Promise<AttentiveRow> {
  const began = performance.now();
  const encode: Encode = (images) => scope(() => tokensOf(encoder, images).flatten(1)); // [B T·D]
  const side = async (which: "train" | "test"): Promise<LabelledTokens> => {
    const { features, labels } = await featuresOf({ name, encode }, { ...setting, config }, which);
    const tokens = features.reshape([features.side(0), -1, encoder.width]); // [N T D]
    features.dispose();
    return { tokens, labels };
  };
  const train = await side("train");
  try {
    const test = await side("test");
    try {
      const onProgress = (share: number): void => setting.onProgress?.({ stage: "probe", encoder: name, share });
      const { predictions, ...found } = await attentiveProbe(train, test, {
        ...setting,
        heads: headsOf(encoder),
        onProgress,
      });
      return {
        name,
        ...found,
        tokens: train.tokens.side(1),
        dimensions: encoder.width,
        pictures: test.labels.length,
        right: Uint8Array.from(predictions, (label, i) => (label === test.labels[i] ? 1 : 0)),
        seconds: (performance.now() - began) / 1000,
      };
    } finally {
      test.tokens.dispose();
    }
  } finally {
    train.tokens.dispose();
  }
}

/** image [B C H W] -> tokens of the last layer, each normalised by itself [B T D] */
function tokensOf(encoder: Encoder, image: Tensor): Tensor {
  const last = encoder.call(image).float(); // [B T D], or a map [B D h w]
  return normalizeTokens(last.rank === 4 ? last.flatten(2).transpose(1, 2) : last);
}

/** As many as the encoder's attention has, where these divide the width; else heads some 64 wide. */
function headsOf({ width, heads }: Encoder): number {
  if (typeof heads === "number" && width % heads === 0) return heads;
  const most = Math.max(1, Math.round(width / 64));
  return Array.from({ length: most }, (_, i) => most - i).find((count) => width % count === 0) ?? 1;
}
