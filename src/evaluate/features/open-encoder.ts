import { decodeBytes, defaultDecodeOptions, readPictureFile } from "../../data/decode.js";
import { KeyedRandom } from "../../data/random.js";
import type { Picture } from "../../data/resample.js";
import { apply } from "../../data/transform.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { toImages } from "../../train/batch.js";
import { type LoadedModel, type LoadOptions, loadModel } from "../../train/checkpoints/load.js";
import { middle } from "../../train/watch/held-out.js";

/** Pictures that go through the encoder at a time. */
const batchSize = 64;

/** An encoder that is ready to embed pictures. Close it, or declare it with `using`. */
export interface OpenedEncoder extends Disposable {
  /** Numbers in a feature vector. */
  readonly width: number;
  /** What it was opened from. */
  readonly model: LoadedModel;
  /**
   * One feature vector [width] for each picture, in order: what `lacuna embed` writes. Pictures are read as in training, resized and
   * cut to their middle; nothing is random.
   *
   * @param pictures paths of files, or the bytes of files (JPEG, PNG, WebP, GIF, TIFF, AVIF)
   * @throws BadPictureError for the first picture that cannot be read; its path is `pictures[3]` where bytes were given
   */
  embed(pictures: readonly (string | Uint8Array)[]): Promise<Float32Array[]>;
  close(): void;
}

/**
 * Opens the encoder of a run folder, a checkpoint file, or a model in any other layout that `loadModel` reads.
 *
 * @throws CheckpointError, FormatError where there is none
 */
export async function openEncoder(path: string, options: LoadOptions = {}): Promise<OpenedEncoder> {
  const model = loadModel(path, options);
  const close = (): void => model.close();
  return {
    width: model.encoder.width,
    model,
    embed: (pictures) => embed(model, pictures),
    close,
    [Symbol.dispose]: close,
  };
}

async function embed(model: LoadedModel, pictures: readonly (string | Uint8Array)[]): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  for (let first = 0; first < pictures.length; first += batchSize) {
    const views: Picture[] = [];
    for (const [i, picture] of pictures.slice(first, first + batchSize).entries())
      views.push(await viewOf(model, picture, `pictures[${first + i}]`));
    rows.push(...featuresOf(model, views));
  }
  return rows;
}

/** uint8 [H W C] as the encoder takes it. */
async function viewOf({ config }: LoadedModel, given: string | Uint8Array, name: string): Promise<Picture> {
  const { channels, colour, jpeg, maxPixels } = config.data;
  const [bytes, path] = typeof given === "string" ? [readPictureFile(given), given] : [given, name];
  const { picture } = await decodeBytes(bytes, path, { ...defaultDecodeOptions, channels, colour, jpeg, maxPixels });
  return apply(middle(config), picture, new KeyedRandom({ seed: 0, purpose: "embed", epoch: 0, sample: 0 }));
}

function featuresOf({ encoder, config, features: encode }: LoadedModel, views: readonly Picture[]): Float32Array[] {
  const [first] = views;
  if (first === undefined) return [];
  const { mean, std } = config.data;
  const data = new Uint8Array(Buffer.concat(views.map((view) => view.data)));
  const features = scope(() =>
    noGrad(() =>
      encode(toImages({ ...first, data }, mean, std, config.device))
        .toDevice("cpu")
        .float()
        .toArray(),
    ),
  ) as Float32Array;
  return views.map((_, i) => features.slice(i * encoder.width, (i + 1) * encoder.width));
}
