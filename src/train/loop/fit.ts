import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import type { Fit, Method } from "../../methods/method.js";
import { Rng } from "../../tensor/random.js";
import { noPictures, type PixelBatch, toImages } from "../batch.js";
import type { LoopConfig } from "./task.js";

/** What `fitMethod` needs of a loader: the training loader's batches. */
interface Batches extends AsyncDisposable {
  batches(
    from: { epoch: number; batch: number },
    until: { epoch: number },
  ): AsyncIterable<{ readonly views: Readonly<Record<string, PixelBatch>> }>;
}

/**
 * Shows a method the first pictures of its run, as they will be trained on, before the first step: a basis or a codebook
 * is fitted to them. They follow from the seed, so that a run that is killed before its first checkpoint fits the same.
 * @param open the training loader; not called where there is nothing to fit
 */
export async function fitMethod(
  method: Method,
  config: Pick<LoopConfig, "data" | "device" | "seed">,
  open: () => Batches,
): Promise<void> {
  const fit = method.fit?.();
  if (fit === undefined) return;
  const pixels = await firstPictures(open, fit);
  const { mean, std } = config.data;
  noGrad(() => scope(() => fit.run(toImages(pixels, mean, std, config.device), new Rng(config.seed, "fit"))));
}

/** The bytes of the first pictures of epoch 0, or of all that it has; copied, since a loader's memory is used again. */
async function firstPictures(open: () => Batches, { pictures, view: name }: Fit): Promise<PixelBatch> {
  await using loader = open();
  const taken: PixelBatch[] = [];
  let missing = pictures;
  for await (const { views } of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
    const view = views[name] as PixelBatch;
    const bytes = view.height * view.width * view.channels;
    const data = view.data.slice(0, missing * bytes);
    taken.push({ ...view, data });
    missing -= data.byteLength / bytes;
    if (missing <= 0) break;
  }
  const first = taken[0];
  if (first === undefined) throw noPictures();
  return { ...first, data: new Uint8Array(Buffer.concat(taken.map(({ data }) => data))) };
}
