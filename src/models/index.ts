import { z } from "zod";
import type { Encoder, ImageShape } from "./encoder.js";
import { type Named, Registry } from "./registry.js";
import { vit, vitConfig } from "./vit.js";

/** A model of the list: its schema, and how it is built. */
export interface DefinedModel<Config extends { readonly name: string } = { readonly name: string }> extends Named {
  /** Builds the encoder that a config describes, its weights not yet initialised. @throws ConfigError */
  build(config: Config, image: ImageShape): Encoder;
}

/** The list of models. A new one is a file, a line here and one in `modelConfig`. */
export const models = new Registry<DefinedModel>("model", [vit]);

/** The configuration of a model that comes with the package; `models.schema()` knows those that were added too. */
export const modelConfig = z.discriminatedUnion("name", [vitConfig]);
export type ModelConfig = z.output<typeof modelConfig>;

/** Builds the encoder that a config describes, its weights not yet initialised. @throws ConfigError */
export function buildEncoder(config: { readonly name: string }, image: ImageShape): Encoder {
  return models.get(config.name).build(config, image);
}
