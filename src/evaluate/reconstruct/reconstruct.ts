/** Pictures with hidden patches, and what a method fills in. */

import type { Source } from "../../data/source.js";
import { CheckpointError } from "../../engine/errors.js";
import { autocast } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { ConfigError } from "../../errors.js";
import type { Hiding, Step } from "../../methods/method.js";
import { alone } from "../../methods/world.js";
import { Rng } from "../../tensor/random.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";
import { toImages } from "../../train/batch.js";
import type { LoadedMethod } from "../../train/checkpoints/load.js";
import { reconstructionPanels, renderPanels } from "../../train/watch/panels.js";
import { readPixels } from "../features/pictures.js";

/** Which patches are hidden, and what is drawn in their place. */
export interface ReconstructOptions {
  /** Another seed hides other patches; 0 unless said. */
  readonly seed?: number;
  /** Numbers of the patches that stay visible, row by row from 0; they win over `ratio`. */
  readonly visible?: readonly number[] | undefined;
  /** Share of the patches that is hidden, at random; as in training unless said. */
  readonly ratio?: number | undefined;
  /** What stands in the last column: predictions pasted into the visible patches (unless said), or predictions everywhere. */
  readonly shown?: "pasted" | "predicted";
}

/** A picture that a model has filled in. */
export interface Reconstructed {
  /** One picture with the columns original, masked, rebuilt. */
  readonly png: Buffer;
  /** Share of the patches. */
  readonly hidden: number;
  /** What has to be known of the picture, in a sentence. */
  readonly note: string;
}

/**
 * Hides patches of every picture of a source and fills them in. @param source few pictures: all are computed at once
 * @throws CheckpointError "method" for a method that fills in nothing, ConfigError "ratio" for a share that hides all or nothing,
 * BadPictureError for the first picture that cannot be read
 */
export async function reconstruct(
  model: LoadedMethod,
  source: Source,
  { seed = 0, visible, ratio, shown = "pasted" }: ReconstructOptions = {},
): Promise<Reconstructed> {
  const { config, method, precision } = model;
  const hiding = method.hiding?.();
  if (hiding === undefined) throw fillsNothing(model);
  const kept = visible?.length ?? keptOf(hiding, ratio);
  const { mean, std } = config.data;
  const view = await readPixels(config, source);
  const samples = Array.from({ length: source.size }, (_, i) => i);
  const step: Step = {
    index: 0,
    epoch: 0,
    progress: 0,
    rng: new Rng(seed, "reconstruct", 0, samples),
    world: alone,
  };
  const panels = scope(() => {
    const ids = visible !== undefined ? givenOrder(visible, hiding, step) : undefined;
    const drawn = ids ?? (ratio === undefined ? undefined : drawnOrder(hiding, step));
    const mask = drawn === undefined ? {} : { mask: { ids: drawn.toDevice(config.device), kept } };
    const images = toImages(view, mean, std, config.device); // [B C H W]
    const how = { step, mean, std, shown, ...mask };
    return autocast(precision, () => reconstructionPanels(method, images, how), config.device);
  });
  if (panels === undefined) throw fillsNothing(model);
  const note = method.pictureNote?.() ?? "";
  return { png: await renderPanels(panels, note), hidden: 1 - kept / cellsOf(hiding), note };
}

function fillsNothing({ path, config }: LoadedMethod): CheckpointError {
  const expected = "a method that fills in pictures";
  return new CheckpointError({ code: "method", path, expected, actual: config.method.name });
}

function cellsOf({ grid: [rows, columns] }: Hiding): number {
  return rows * columns;
}

function keptOf(hiding: Hiding, ratio = hiding.share): number {
  const cells = cellsOf(hiding);
  const kept = Math.trunc(cells * (1 - ratio));
  if (kept > 0 && kept < cells) return kept;
  const expected = `a share that leaves some of ${cells} patches visible and some hidden`;
  throw new ConfigError({ code: "ratio", path: "ratio", expected, actual: ratio });
}

/** Patches in an order drawn by lot, those that stay visible first [B N]. */
function drawnOrder(hiding: Hiding, { rng }: Step): Tensor {
  return rng
    .fork("mask")
    .uniform([cellsOf(hiding)])
    .argsort(1);
}

/** The visible patches, then the others [B N]; the same for every picture. */
function givenOrder(visible: readonly number[], hiding: Hiding, { rng }: Step): Tensor {
  const seen = new Set(visible);
  const patches = Array.from({ length: cellsOf(hiding) }, (_, i) => i);
  const order = [...visible, ...patches.filter((i) => !seen.has(i))].map(BigInt);
  const rows = rng.samples.flatMap(() => order);
  return tensor(BigInt64Array.from(rows), [rng.samples.length, order.length]);
}
