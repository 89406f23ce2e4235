/**
 * How often the places of a picture find themselves in another view of it: EsViT's accuracy of correspondence (Li et al., ICLR 2022, arXiv
 * 2106.09785, section 4.3; analyze_models.py, `accuracy_correspondence`).
 */
import { BadPictureError } from "../../data/errors.js";
import type { Source } from "../../data/source.js";
import type { Transform } from "../../data/views.js";
import { autocast, noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { type Encoder, regionEncoder } from "../../models/encoder.js";
import type { Size } from "../../nn/patches.js";
import { normalize } from "../../tensor/functional.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";
import { toImages } from "../../train/batch.js";
import type { LoadedModel } from "../../train/checkpoints/load.js";
import { inOrder, middle } from "../../train/watch/held-out.js";

/** How well places are found again. */
export interface Correspondence {
  /** Share of right ones among the places of each picture that are most similar to what they find, the mean over pictures. */
  readonly surest: number;
  /** Share of right ones among all places. */
  readonly all: number;
  /** Mean distance of the surest from where they should be, in pixels. */
  readonly distance: number;
  /** Places of a picture: by chance one of them is right. */
  readonly places: number;
}

/** How many places of each picture are judged. */
export interface CorrespondenceOptions {
  /** The surest of each picture; the authors' 10 if absent, or all where there are fewer. */
  readonly pairs?: number;
}

/** The features of the last layer's places, normed where the encoder has a norm for all: images [B C H W] -> [B N D], row by row. */
function placesOf(encoder: Encoder, images: Tensor): Tensor {
  if (regionEncoder.is(encoder)) return encoder.regions(images);
  const map = encoder.stages(images).at(-1)?.map as Tensor; // [B D h w]
  return map.flatten(2).transpose(1, 2); // [B N D]
}

/**
 * first, second [B N D]: features of the places of pictures, row by row, and of the same pictures mirrored -> how well places are found
 * by cosine, sums over the B pictures. Of the options, `grid` is places down and across, `stride` pixels from one to the next.
 */
export function correspondences(
  first: Tensor,
  second: Tensor,
  { grid: [h, w], stride: [down, across], pairs = 10 }: { grid: Size; stride: Size } & CorrespondenceOptions,
): Omit<Correspondence, "places"> {
  return noGrad(() =>
    scope(() => {
      const [a, b] = [normalize(first.float()), normalize(second.float())]; // [B N D]
      const cosines = a.matmul(b.transpose(1, 2)); // [B N N]
      const found = cosines.argmax(2); // [B N]
      const at = pixels(h, w, (row, column) => [row * down, column * across], found.device); // [N 2]
      const wanted = pixels(h, w, (row, column) => [row * down, (w - 1 - column) * across], found.device); // [N 2]
      const reached = at.indexSelect(0, found.flatten()).reshape([first.side(0), h * w, 2]); // [B N 2]
      const distance = reached.sub(wanted).pow(2).sum([2]).sqrt(); // [B N]
      const right = distance.eq(0).float(); // [B N]
      const order = cosines
        .amax([2])
        .neg()
        .argsort(1)
        .slice(1, 0, Math.min(pairs, h * w)); // [B P], the surest first
      const overSurest = (values: Tensor): number => values.gather(1, order).mean([1]).sum().item();
      return { surest: overSurest(right), all: right.mean([1]).sum().item(), distance: overSurest(distance) };
    }),
  );
}

/** A pair of numbers for each place, row by row [N 2] */
function pixels(h: number, w: number, of: (row: number, column: number) => [number, number], device: string): Tensor {
  const all = Array.from({ length: h * w }, (_, i) => of(Math.floor(i / w), i % w));
  return tensor(Float32Array.from(all.flat()), [h * w, 2], { device });
}

const mostAtOnce = 64;

/**
 * The accuracy of correspondence of a model, in float32: views are the middle of a picture, and that mirrored, in other colours (four times of
 * five) and grey, as in the authors' code. @throws BadPictureError for the first picture that cannot be read
 */
export async function measureCorrespondence(
  model: LoadedModel,
  source: Source,
  options: CorrespondenceOptions = {},
): Promise<Correspondence> {
  const { config, encoder } = model;
  const { mean, std } = config.data;
  const { imageSize, stride } = encoder;
  const grid: Size = [Math.ceil(imageSize[0] / stride[0]), Math.ceil(imageSize[1] / stride[1])];
  const whole = middle(config);
  const reading = { ...config, data: { ...config.data, workers: 0 } };
  await using loader = inOrder(reading, source, Math.min(mostAtOnce, source.size), {
    image: whole,
    altered: [...whole, ...mirroredAndGrey],
  });
  const sums = { surest: 0, all: 0, distance: 0 };
  for await (const { views, bad } of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
    const [first] = bad;
    if (first !== undefined) throw new BadPictureError(first.code, first.path, first.reason);
    const features = (name: "image" | "altered"): Tensor =>
      placesOf(encoder, toImages(views[name] as NonNullable<(typeof views)[string]>, mean, std, config.device));
    const measure = () => correspondences(features("image"), features("altered"), { grid, stride, ...options });
    const found = autocast("float32", () => noGrad(() => scope(measure)), config.device);
    for (const key of ["surest", "all", "distance"] as const) sums[key] += found[key] / source.size;
  }
  return { ...sums, places: grid[0] * grid[1] };
}

const mirroredAndGrey: Transform = [
  { type: "flip", probability: 1 },
  { type: "colorJitter", brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1, probability: 0.8 },
  { type: "grayscale", probability: 1 },
];
