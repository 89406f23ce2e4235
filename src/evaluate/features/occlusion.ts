/**
 * How little an encoder's features change when patches are hidden: what masked learning is said to teach (Kong and Zhang, CVPR 2023,
 * arXiv 2208.04164, whose abstract says so; how it is measured is our choice).
 */
import type { Source } from "../../data/source.js";
import { autocast, noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { ConfigError } from "../../errors.js";
import { meanCosine } from "../../methods/parts/losses/cosine.js";
import { checkLeavesOut, keptPatches } from "../../methods/parts/masks.js";
import { type Encoder, patchEncoder } from "../../models/encoder.js";
import { take } from "../../tensor/functional.js";
import { Rng } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { toImages } from "../../train/batch.js";
import type { LoadedModel } from "../../train/checkpoints/load.js";
import { readPixels } from "./pictures.js";

/** How like the features of visible patches are to those of the same patches in the whole picture. */
export interface OcclusionInvariance {
  /** Share of the patches that is hidden. */
  readonly ratio: number;
  /** Mean cosine over pictures and visible patches: 1 where nothing changes. */
  readonly cosine: number;
  /** Linear centred kernel alignment over them: 1 also where all features are turned, or scaled, together. */
  readonly alignment: number;
}

/** Which shares of the patches are hidden, and by which draw. */
export interface OcclusionOptions {
  readonly ratios?: readonly number[];
  readonly seed?: number;
}

/**
 * The same of a trained model, in float32. @param source some hundred pictures: all are computed at once
 * @throws ConfigError as `occlusionInvariance`, BadPictureError for the first picture that cannot be read
 */
export async function measureOcclusion(
  { config, encoder }: LoadedModel,
  source: Source,
  options: OcclusionOptions = {},
): Promise<OcclusionInvariance[]> {
  const { mean, std } = config.data;
  const pixels = await readPixels(config, source);
  const measure = (): OcclusionInvariance[] =>
    scope(() => occlusionInvariance(encoder, toImages(pixels, mean, std, config.device), options));
  return autocast("float32", measure, config.device);
}

/**
 * images [B C H W], normalised, of the encoder's own size -> for each mask ratio how much of the visible patches' features stays. Patches are
 * hidden at random, the same for a seed. @throws ConfigError for an encoder that cannot leave patches out, or a ratio that leaves none
 */
export function occlusionInvariance(
  encoder: Encoder,
  images: Tensor,
  { ratios = [0, 0.25, 0.5, 0.75, 0.9], seed = 0 }: OcclusionOptions = {},
): OcclusionInvariance[] {
  if (!patchEncoder.is(encoder)) {
    const data = { expected: patchEncoder.what, actual: encoder.constructor.name };
    throw new ConfigError({ code: "encoder", path: "encoder", ...data, remedy: "Take a run of a ViT." });
  }
  checkLeavesOut(encoder);
  const { patchEmbed, patches } = encoder;
  const rng = new Rng(
    seed,
    "occlusion",
    0,
    Array.from({ length: images.side(0) }, (_, i) => i),
  );
  return noGrad(() =>
    scope(() => {
      const tokens = patchEmbed.call(patchEmbed.unfold(images)); // [B N D]
      const whole = encoder.encode(encoder.positioned(tokens)).slice(1, 1); // [B N D]
      const order = rng.uniform([patches], images.device).argsort(1); // [B N]
      return ratios.map((ratio) => {
        const kept = keptPatches(patches, ratio);
        if (!(ratio >= 0 && kept > 0)) throw noPatch(ratio, patches);
        const visible = order.slice(1, 0, kept); // [B K]
        const seen = encoder.encode(encoder.positionedSome(take(tokens, visible), visible)).slice(1, 1); // [B K D]
        const pairs = [seen, take(whole, visible)].map((rows) => rows.float().flatten(0, 1)) as [Tensor, Tensor]; // [B·K D]
        return { ratio, cosine: meanCosine(...pairs).item(), alignment: linearAlignment(...pairs) };
      });
    }),
  );
}

function noPatch(ratio: number, patches: number): ConfigError {
  return new ConfigError({
    problem: `a mask ratio of ${ratio} leaves none of ${patches} patches to compare.`,
    code: "mask-ratio",
    path: "ratios",
    expected: "from 0 to below 1, with a visible patch",
    actual: ratio,
  });
}

/**
 * a, b [n D], the same rows seen in two ways -> linear centred kernel alignment ‖aᵀb‖² / (‖aᵀa‖ ‖bᵀb‖) of their centred columns, 0 to 1
 * (Kornblith et al., ICML 2019, arXiv 1905.00414). It does not change where one of them is rotated or scaled.
 */
export function linearAlignment(a: Tensor, b: Tensor): number {
  return noGrad(() =>
    scope(() => {
      const [x, y] = [a, b].map((rows) => rows.sub(rows.mean([0], true))) as [Tensor, Tensor]; // [n D]
      const norm = (p: Tensor, q: Tensor): number => Math.sqrt(p.transpose(0, 1).matmul(q).pow(2).sum().item());
      return norm(x, y) ** 2 / (norm(x, x) * norm(y, y));
    }),
  );
}
