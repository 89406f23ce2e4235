import { z } from "zod";
import type { Encoder } from "../models/encoder.js";
import { Registry } from "../models/registry.js";
import { beit, beitConfig } from "./masked/beit.js";
import { beitV2, beitV2Config } from "./masked/beit-v2.js";
import { cae, caeConfig } from "./masked/cae.js";
import { dvae, dvaeConfig } from "./masked/dvae.js";
import { emae, emaeConfig } from "./masked/emae.js";
import { fcmae, fcmaeConfig } from "./masked/fcmae.js";
import { mae, maeConfig } from "./masked/mae.js";
import { maskFeat, maskFeatConfig } from "./masked/maskfeat.js";
import { mp3, mp3Config } from "./masked/mp3.js";
import { simmim, simmimConfig } from "./masked/simmim.js";
import { vqkd, vqkdConfig } from "./masked/vqkd.js";
import type { DefinedMethod, Method } from "./method.js";
import { cmae, cmaeConfig } from "./mixed/cmae.js";
import { extrema, extremaConfig } from "./mixed/extrema.js";
import { flip, flipConfig } from "./mixed/flip.js";
import { macrl, macrlConfig } from "./mixed/macrl.js";
import { siameseMim, siameseMimConfig } from "./mixed/siamese-mim.js";
import { supmae, supmaeConfig } from "./mixed/supmae.js";
import { byol, byolConfig } from "./siamese/byol.js";
import { dino, dinoConfig } from "./siamese/dino.js";
import { esvit, esvitConfig } from "./siamese/esvit.js";
import { moco, mocoConfig } from "./siamese/moco.js";
import { mocoV2Plus, mocoV2PlusConfig } from "./siamese/moco-v2-plus.js";
import { mocoV3, mocoV3Config } from "./siamese/moco-v3.js";
import { sdssl, sdsslConfig } from "./siamese/sdssl.js";
import { simclr, simclrConfig } from "./siamese/simclr.js";
import { simsiam, simsiamConfig } from "./siamese/simsiam.js";
import { swav, swavConfig } from "./siamese/swav.js";
import { supervised, supervisedConfig } from "./supervised/supervised.js";

/** The list of methods. A new one is a file, a line here and one in `methodConfig`. */
export const methods = new Registry<DefinedMethod>("method", [
  mae,
  emae,
  fcmae,
  maskFeat,
  simmim,
  beit,
  beitV2,
  cae,
  dvae,
  vqkd,
  mp3,
  supmae,
  cmae,
  extrema,
  macrl,
  siameseMim,
  moco,
  mocoV2Plus,
  mocoV3,
  simclr,
  byol,
  simsiam,
  dino,
  esvit,
  swav,
  sdssl,
  supervised,
  flip,
]);

/** The configuration of a method that comes with the package; `methods.schema()` knows those that were added too. */
export const methodConfig = z.discriminatedUnion("name", [
  maeConfig,
  emaeConfig,
  fcmaeConfig,
  maskFeatConfig,
  simmimConfig,
  beitConfig,
  beitV2Config,
  caeConfig,
  dvaeConfig,
  vqkdConfig,
  mp3Config,
  supmaeConfig,
  cmaeConfig,
  extremaConfig,
  macrlConfig,
  siameseMimConfig,
  mocoConfig,
  mocoV2PlusConfig,
  mocoV3Config,
  simclrConfig,
  byolConfig,
  simsiamConfig,
  dinoConfig,
  esvitConfig,
  swavConfig,
  sdsslConfig,
  supervisedConfig,
  flipConfig,
]);

/** The method of a configuration that names none. */
export const usualMethod = { name: "mae" } as const;

/**
 * Builds the method that a config describes, its weights not yet initialised.
 * @param makeEncoder builds the configured encoder anew at each call
 * @throws ConfigError where the two do not fit together; the encoders are closed then
 */
export function buildMethod(config: { readonly name: string }, makeEncoder: () => Encoder): Method {
  return methods.get(config.name).build(config, makeEncoder);
}
