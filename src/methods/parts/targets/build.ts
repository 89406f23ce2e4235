import type { PatchEncoder } from "../../../models/encoder.js";
import { buildTokenizer, type TokenizerConfig } from "../tokenizers/build.js";
import { PcaTarget } from "./pca.js";
import { PixelTarget } from "./pixels.js";
import type { Target } from "./target.js";
import { TokenTarget } from "./tokens.js";

interface TargetConfig {
  readonly target: "pixels" | "pca" | "tokens";
  readonly normalizeTargets: boolean;
  readonly pcaCoefficients?: number | undefined;
  readonly tokenizer: TokenizerConfig;
}

/** The target that a config describes, for an encoder's patches. */
export function buildTarget(config: TargetConfig, encoder: Pick<PatchEncoder, "patchSize" | "channels">): Target {
  const { patchSize, channels } = encoder;
  switch (config.target) {
    case "pixels":
      return new PixelTarget(patchSize, channels, config.normalizeTargets);
    case "pca":
      return new PcaTarget(patchSize, channels, config.pcaCoefficients);
    case "tokens":
      return new TokenTarget(buildTokenizer(config.tokenizer, patchSize, channels));
  }
}
