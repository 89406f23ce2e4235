/** Any picture -> one of the model's size: the same pixels as `lacuna reconstruct` makes of the same bytes. */
import { toChannels } from "../../../src/data/decode/colour.js";
import { crop, type Picture, resample } from "../../../src/data/resample.js";

/** The shorter side to the model's longer one (bicubic as Pillow does it), then the middle. [H W C] -> [height width C] */
export function prepared(picture: Picture, size: { readonly height: number; readonly width: number }): Picture {
  const shorter = Math.max(size.height, size.width);
  const { height, width } = picture;
  const scaled =
    width <= height
      ? { height: Math.max(1, Math.trunc((shorter * height) / width)), width: shorter }
      : { height: shorter, width: Math.max(1, Math.trunc((shorter * width) / height)) };
  const resized = resample(picture, scaled);
  const top = halfEven((resized.height - size.height) / 2);
  const left = halfEven((resized.width - size.width) / 2);
  return crop(resized, { top, left, ...size });
}

/** Python's `round`, on which centre crops of odd differences depend. */
function halfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** What a canvas gives [H W 4] -> [height width C]: transparency lies on white, grey is Pillow's luma. */
export function fromRgba(
  rgba: { readonly data: Uint8ClampedArray<ArrayBuffer>; readonly height: number; readonly width: number },
  channels: 1 | 3,
): Picture {
  const data = new Uint8Array(rgba.data.buffer, rgba.data.byteOffset, rgba.data.length);
  return toChannels({ data, height: rgba.height, width: rgba.width, channels: 4 }, channels);
}
