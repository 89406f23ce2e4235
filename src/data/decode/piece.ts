/**
 * A part of a picture: what a random crop needs, decoded without the rest. The same pixels to the bit as the whole would
 * have there, unless decoding is scaled.
 */
import type { Picture, Region } from "../resample.js";
import type { Size } from "../views.js";
import { toChannels } from "./colour.js";
import type { ColourMode } from "./icc.js";
import { decodeJpegPart, isOrdinaryJpeg, type JpegMode, readJpegHeader } from "./jpeg.js";
import { orient, storedBox, uprightBox, uprightSize } from "./orientation.js";

/** Pixel x of the whole, upright picture lies at x · scale − left of this one. */
export interface Piece {
  readonly picture: Picture;
  readonly whole: Size;
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

export interface Wanted {
  /** Of the upright picture. */
  readonly region: Region;
  /** As `JpegPart.shrinks`. */
  readonly shrinks: number;
}

/** Which part is wanted of a picture of this size. */
export type Choose = (whole: Size) => Wanted;

export interface PieceOptions {
  readonly maxPixels: number;
  readonly channels: number;
  readonly jpeg?: JpegMode;
  readonly colour?: ColourMode;
  /** As `JpegPart.toEnd`. */
  readonly toEnd: boolean;
}

/**
 * The part of an encoded picture that is wanted. Undefined where parts cannot be decoded (another format than JPEG, a
 * JPEG that is not ordinary, other channels) and where anything is wrong: the whole picture then has to be decoded.
 * The pixels are valid until the next piece is decoded in this thread.
 */
export function decodePiece(bytes: Uint8Array, options: PieceOptions, choose: Choose): Piece | undefined {
  const { channels, maxPixels, jpeg: mode = "fast", colour, toEnd } = options;
  if (channels !== 1 && channels !== 3 && channels !== 4) return undefined;
  const header = bytes[0] === 0xff && bytes[1] === 0xd8 ? readJpegHeader(bytes) : undefined;
  if (header === undefined || !isOrdinaryJpeg(header, colour) || header.width * header.height > maxPixels)
    return undefined;
  const { orientation } = header;
  const whole = uprightSize(header, orientation);
  const { region, shrinks } = choose(whole);
  const { left, top, width, height } = region;
  const wanted = { left, top, right: left + width, bottom: top + height };
  const box = storedBox(wanted, header, orientation);
  const part = decodeJpegPart(bytes, header, { box, shrinks, mode, toEnd });
  if (part === undefined) return undefined;
  const { scale } = part;
  const at = uprightBox(part.box, part.picture, orientation);
  const picture = toChannels(orient(part.picture, orientation), channels);
  return { picture, whole, scale, left: left * scale - at.left, top: top * scale - at.top };
}
