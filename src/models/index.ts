import { z } from "zod";
import type { Encoder } from "./encoder.js";
import { type ImageShape, Vit, type VitConfig, vitConfig } from "./vit.js";

/** The list of backbones. A new one is a file and a line here. */
export const models = {
  vit: { config: vitConfig, build: (config: VitConfig, image: ImageShape): Vit => new Vit(config, image) },
} as const;

export const modelConfig = z.discriminatedUnion("name", [vitConfig]);
export type ModelConfig = z.output<typeof modelConfig>;

/** Builds the encoder that a config describes, its weights not yet initialised. */
export function buildEncoder(config: ModelConfig, image: ImageShape): Vit & Encoder {
  return models[config.name].build(config, image);
}
