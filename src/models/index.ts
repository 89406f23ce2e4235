import { z } from "zod";
import { convnextV2, convnextV2Config } from "./convnext-v2.js";
import type { Encoder, ImageShape } from "./encoder.js";
import type { Layout } from "./published/layout.js";
import { type Named, Registry } from "./registry.js";
import { resnet, resnetConfig } from "./resnet.js";
import type { OffersSizes } from "./sizes.js";
import { swin, swinConfig } from "./swin/swin.js";
import { vit, vitConfig } from "./vit.js";
import { vitConvStem, vitConvStemConfig } from "./vit-conv-stem.js";

/** A model of the list: its schema, and how it is built. */
export interface DefinedModel<Config extends { readonly name: string } = { readonly name: string }> extends Named {
  /** Keys of its configuration that `size`, a name, stands for; absent where it has no named sizes. */
  readonly sized?: readonly string[];
  /** Its sizes for pictures that nobody has trained on yet; absent: it has one, its own. */
  readonly offers?: OffersSizes;
  /** Other people's checkpoints of it that can be read and written. */
  readonly layouts?: readonly Layout[];
  /** The path of the batch norm that takes a weight's size away again, by the weight's name; undefined where none follows. */
  normBehind?(weight: string): string | undefined;
  /** Builds the encoder that a config describes, its weights not yet initialised. @throws ConfigError */
  build(config: Config, image: ImageShape): Encoder;
}

/** The list of models. A new one is a file, a line here and one in `modelConfig`. */
export const models = new Registry<DefinedModel>("model", [vit, vitConvStem, convnextV2, swin, resnet]);

/** The configuration of a model that comes with the package; `models.schema()` knows those that were added too. */
export const modelConfig = z.discriminatedUnion("name", [
  vitConfig,
  vitConvStemConfig,
  convnextV2Config,
  swinConfig,
  resnetConfig,
]);
/** The configuration of a model that comes with the package, defaults filled in. */
export type ModelConfig = z.output<typeof modelConfig>;

/** The model of a configuration that names none. */
export const usualModel = { name: "vit" } as const;

/** Builds the encoder that a config describes, its weights not yet initialised. @throws ConfigError */
export function buildEncoder(config: { readonly name: string }, image: ImageShape): Encoder {
  return models.get(config.name).build(config, image);
}
