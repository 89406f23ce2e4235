import { z } from "zod";
import type { Size } from "../../../nn/patches.js";
import { KMeansTokenizer, kMeansConfig } from "./k-means.js";
import type { Tokenizer } from "./tokenizer.js";

/** The list of tokenizers. A new one is a file and a line here. */
const tokenizers = { kMeans: KMeansTokenizer } as const;

export const tokenizerConfig = z.discriminatedUnion("name", [kMeansConfig]);
export type TokenizerConfig = z.output<typeof tokenizerConfig>;

export function buildTokenizer(config: TokenizerConfig, patchSize: Size, channels: number): Tokenizer {
  return new tokenizers[config.name](config, patchSize, channels);
}
