/** The pixels of a few pictures, for what shows them. */
import { BadPictureError } from "../../data/errors.js";
import type { Batch } from "../../data/loader.js";
import type { Source } from "../../data/source.js";
import { noPictures } from "../../train/batch.js";
import type { LoopConfig } from "../../train/loop/task.js";
import { plainLoader } from "../../train/watch/held-out.js";

/**
 * All pictures of a source in one batch, as the model sees them; copied, since a loader's memory ends with it.
 * @throws BadPictureError for the first picture that cannot be read
 */
export async function readPixels(
  config: Pick<LoopConfig, "data" | "seed">,
  source: Source,
): Promise<Batch["views"][string]> {
  await using loader = plainLoader({ ...config, data: { ...config.data, workers: 0 } }, source, source.size);
  const { value: batch } = await loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 }).next();
  const view = batch?.views["image"];
  if (batch === undefined || view === undefined) throw noPictures();
  const [bad] = batch.bad;
  if (bad !== undefined) throw new BadPictureError(bad.code, bad.path, bad.reason);
  return { ...view, data: view.data.slice() };
}
