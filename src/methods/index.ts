import { z } from "zod";
import type { Transform } from "../data/views.js";
import type { Encoder } from "../models/encoder.js";
import type { ImageShape, Vit } from "../models/vit.js";
import { emae, emaeConfig } from "./masked/emae.js";
import { mae, maeConfig } from "./masked/mae.js";
import type { Method, MethodSpec } from "./method.js";

/** The list of methods. A new one is a file, a line here and one in `methodConfig`. */
export const methods = { mae, emae } as const;

export const methodConfig = z.discriminatedUnion("name", [maeConfig, emaeConfig]);
export type MethodConfig = z.output<typeof methodConfig>;

/** The spec belongs to the config, by their shared name: what TypeScript cannot see of a union. */
function specOf({ name }: MethodConfig): MethodSpec<z.ZodType<unknown, unknown>, Encoder, "image"> {
  return methods[name] as unknown as MethodSpec<z.ZodType<unknown, unknown>, Encoder, "image">;
}

/**
 * Builds the method that a config describes around an encoder, its weights not yet initialised.
 * @throws ConfigError where the two do not fit together; the encoder is closed then
 */
export function buildMethod(config: MethodConfig, encoder: Vit): Method {
  try {
    return specOf(config).build(config, encoder);
  } catch (error) {
    encoder.close();
    throw error;
  }
}

/** The augmented views that a config's method asks for. */
export function methodViews(config: MethodConfig, image: ImageShape): Readonly<Record<"image", Transform>> {
  return specOf(config).views(config, image);
}
