/** Where an encoder looks, and what it tells apart: attention of the class token by head, and the main axes of its features. */
import type { Source } from "../../data/source.js";
import { autocast, noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { ConfigError } from "../../errors.js";
import { principalAxes } from "../../methods/parts/targets/pca.js";
import type { Size } from "../../nn/patches.js";
import type { Tensor } from "../../tensor/tensor.js";
import { toImages } from "../../train/batch.js";
import type { LoadedModel } from "../../train/checkpoints/load.js";
import { type Column, renderPanels, toPixels } from "../../train/watch/panels.js";
import { readPixels } from "../features/pictures.js";
import { paintColours, paintHeat } from "./paint.js";

/** How large pictures are shown to the encoder. */
export interface AttendOptions {
  /** Side of the pictures in pixels: larger ones have finer maps. As in training unless said. */
  readonly side?: number | undefined;
}

/** What an encoder makes of some pictures, as one picture. */
export interface Attended {
  /** A row for each: the picture, a map for each head, their mean, the features as colours. */
  readonly png: Buffer;
  /** Maps of attention for each picture; 0 for an encoder without a class token. */
  readonly heads: number;
  /** Places of a map, down and across. */
  readonly grid: Size;
  /** Share of the features' variance on the three axes that are shown. */
  readonly explained: number;
  /** What has to be known of the picture, in a sentence. */
  readonly note: string;
}

/**
 * Draws where the class token looks in the last layer, by head (DINO, figure 1), and the three main axes of the features of all
 * places as red, green and blue. @param source few pictures: all are computed at once
 * @throws ConfigError "image-size" for a side that the encoder cannot take, BadPictureError for the first picture that cannot be read
 */
export async function attend(model: LoadedModel, source: Source, { side }: AttendOptions = {}): Promise<Attended> {
  const { config, encoder } = model;
  const size: Size = side === undefined ? encoder.imageSize : [side, side];
  checkSide(model, size);
  const { mean, std } = config.data;
  const view = await readPixels({ ...config, data: { ...config.data, imageSize: [...size] } }, source);
  const { panels, heads, grid, explained } = noGrad(() =>
    scope(() => {
      const images = toImages(view, mean, std, config.device); // [B C H W]
      const drawn = autocast("float32", () => draw(model, images), config.device);
      const original: Column = { title: "original", pixels: toPixels(images, mean, std) };
      const [height, width] = size;
      return { ...drawn, panels: { count: source.size, height, width, columns: [original, ...drawn.columns] } };
    }),
  );
  const ofHeads =
    heads === 0 ? "" : "attention of the class token in the last block, each map from its least to its most; ";
  const share = `${Math.round(100 * explained)} % of the variance`;
  const note = `${ofHeads}features: the three main axes of all ${grid.join(" × ")} places as red, green, blue (${share})`;
  return { png: await renderPanels(panels, `features: three axes, ${share}`, 1), heads, grid, explained, note };
}

function checkSide({ encoder }: LoadedModel, size: Size): void {
  if (encoder.accepts(size)) return;
  const stride = encoder.stride[0];
  const near = Math.max(1, Math.round(size[0] / stride)) * stride;
  throw new ConfigError({
    problem: `pictures of ${size.join(" × ")} pixels do not divide into the model's ${encoder.stride.join(" × ")}.`,
    code: "image-size",
    path: "side",
    expected: near,
    actual: size[0],
    remedy: `Take ${near}.`,
  });
}

interface Drawn extends Pick<Attended, "heads" | "grid" | "explained"> {
  readonly columns: readonly Column[];
}

/** images [B C H W] */
function draw({ encoder }: LoadedModel, images: Tensor): Drawn {
  const size: Size = [images.side(2), images.side(3)];
  const attention = encoder.classAttention?.(images); // [B heads h w]
  const map = encoder.stages(images).at(-1)?.map as Tensor; // [B D h w]
  const grid: Size = [map.side(2), map.side(3)];
  const heads = attention?.side(1) ?? 0;
  const mapOf = (title: string, weights: Tensor): Column => ({ title, pixels: paintHeat(weights, size) });
  const ofHeads = Array.from({ length: heads }, (_, i) => mapOf(`head ${i + 1}`, (attention as Tensor).select(1, i)));
  const ofAll = attention === undefined ? [] : [mapOf("mean of heads", attention.mean([1]))];
  const { axes, explained } = mainAxes(map);
  const features = { title: "features", pixels: paintColours(axes, size) };
  return { columns: [...ofHeads, ...ofAll, features], heads, grid, explained };
}

const shownAxes = 3;

/**
 * map [B D h w] -> the features of all places along their main axes, largest variance first [B h w 3]; of an axis its largest
 * coefficient is positive, so that colours are the same each time
 */
function mainAxes(map: Tensor): { axes: Tensor; explained: number } {
  const [B = 0, D = 0, h = 0, w = 0] = map.shape;
  const places = map
    .permute([0, 2, 3, 1])
    .reshape([B * h * w, D])
    .toDevice("cpu")
    .to("float64"); // [P D]
  const count = Math.min(shownAxes, D);
  const { mean, basis } = principalAxes(places, count);
  const centred = places.sub(mean); // [P D]
  const along = centred.matmul(basis.transpose(0, 1)); // [P 3]
  const sign = basis
    .amax([1])
    .add(basis.amin([1]))
    .ge(0)
    .to("float64")
    .mul(2)
    .sub(1); // [3]
  const total = Math.max(centred.mul(centred).sum().item(), Number.MIN_VALUE);
  return { axes: along.mul(sign).reshape([B, h, w, count]), explained: along.mul(along).sum().item() / total };
}
