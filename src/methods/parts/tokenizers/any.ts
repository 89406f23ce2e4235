/** What methods share that predict tokens: any tokenizer, fitted by the run itself or trained before it. */
import { z } from "zod";
import type { PatchEncoder } from "../../../models/encoder.js";
import type { DefaultChoice } from "../../../models/sizes.js";
import type { DefaultsFacts } from "../../defaults.js";
import type { Borrowed, TrainedRun } from "../../method.js";
import { buildTokenizer, tokenizerConfig } from "./build.js";
import type { Tokenizer } from "./tokenizer.js";
import { isTrained, resolveTrained, TrainedTokenizer, trainedTokenizerConfigs } from "./trained.js";

/** Schema of any tokenizer; a codebook as large as DALL-E's where none is named. */
export const anyTokenizerConfig = z
  .discriminatedUnion("name", [...tokenizerConfig.options, ...trainedTokenizerConfigs])
  .prefault({ name: "kMeans", vocabulary: 8192 })
  .describe("what makes a token of a patch: a trained dVAE or VQ-KD, or a codebook of the run's own pictures");
/** Any tokenizer, as it is configured. */
export type AnyTokenizerConfig = z.output<typeof anyTokenizerConfig>;

/** The tokenizer of a configuration, with a token for each of the encoder's patches. @throws ConfigError where the two do not fit */
export function buildAnyTokenizer(config: AnyTokenizerConfig, encoder: PatchEncoder): Tokenizer {
  return isTrained(config)
    ? new TrainedTokenizer(config, encoder)
    : buildTokenizer(config, encoder.patchSize, encoder.channels);
}

/** A method's config with what its tokenizer's run says of itself. @throws ConfigError for a run of another method */
export function resolveTokenizer<C extends { readonly tokenizer: AnyTokenizerConfig }>(
  config: C,
  read: (run: string) => TrainedRun,
): C {
  return isTrained(config.tokenizer) ? { ...config, tokenizer: resolveTrained(config.tokenizer, read) } : config;
}

/** What of a tokenizer comes from a trained run. */
export function borrowedBy(tokenizer: Tokenizer): readonly Borrowed[] {
  return tokenizer instanceof TrainedTokenizer ? [tokenizer.borrowed()] : [];
}

/** A codebook that suits so many pictures. */
export function tokenizerChoice({ pictures, patches }: Pick<DefaultsFacts, "pictures" | "patches">): DefaultChoice {
  const vocabulary = Math.min(8192, Math.max(64, 2 ** Math.floor(Math.log2((pictures * patches) / 64))));
  return {
    key: "method.tokenizer",
    value: { name: "kMeans", vocabulary },
    shown: `k-means, ${vocabulary} tokens`,
    reason: vocabulary === 8192 ? "as many as DALL-E's" : "each stands for some 64 patches or more",
  };
}
