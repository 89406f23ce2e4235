import type { Box, Picture } from "../resample.js";

const swapsSides = (orientation: number): boolean => orientation >= 5 && orientation <= 8;
const mirrorsColumns = (orientation: number): boolean => [2, 3, 7, 8].includes(orientation);
const mirrorsRows = (orientation: number): boolean => [3, 4, 6, 7].includes(orientation);

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The size of a picture of size `stored` once it stands upright. */
export function uprightSize({ width, height }: Size, orientation: number): Size {
  return swapsSides(orientation) ? { width: height, height: width } : { width, height };
}

/** Where a window of the stored picture lies once it stands upright. */
export function uprightBox(box: Box, { width, height }: Size, orientation: number): Box {
  const [left, right] = mirrorsColumns(orientation) ? [width - box.right, width - box.left] : [box.left, box.right];
  const [top, bottom] = mirrorsRows(orientation) ? [height - box.bottom, height - box.top] : [box.top, box.bottom];
  return swapsSides(orientation)
    ? { left: top, right: bottom, top: left, bottom: right }
    : { left, top, right, bottom };
}

/** The other way: where a window of the upright picture lies in the stored one. */
export function storedBox(box: Box, { width, height }: Size, orientation: number): Box {
  const { left, top, right, bottom } = swapsSides(orientation)
    ? { left: box.top, right: box.bottom, top: box.left, bottom: box.right }
    : box;
  const [from, to] = mirrorsColumns(orientation) ? [width - right, width - left] : [left, right];
  const [first, last] = mirrorsRows(orientation) ? [height - bottom, height - top] : [top, bottom];
  return { left: from, right: to, top: first, bottom: last };
}

/**
 * Turns and mirrors a stored picture so that it stands as the photographer saw it.
 * @param orientation EXIF 2.32, tag 0x0112: 1 upright, 2 mirrored, 3 half turn, 4 flipped, 5 transposed, 6 to be turned
 * a quarter clockwise, 7 transposed along the other diagonal, 8 to be turned a quarter anticlockwise
 */
export function orient(picture: Picture, orientation: number): Picture {
  if (orientation < 2 || orientation > 8) return picture;
  const { data, width: w, height: h, channels } = picture;
  const swaps = swapsSides(orientation);
  const width = swaps ? h : w;
  const height = swaps ? w : h;
  const mirrorsX = mirrorsColumns(orientation);
  const mirrorsY = mirrorsRows(orientation);
  // In the source: where the result's first pixel lies, one step to the right and one step down in the result.
  const start = (mirrorsX ? w - 1 : 0) + (mirrorsY ? (h - 1) * w : 0);
  const alongX = mirrorsX ? -1 : 1;
  const alongY = mirrorsY ? -w : w;
  const right = swaps ? alongY : alongX;
  const down = swaps ? alongX : alongY;
  const result = new Uint8Array(data.length);
  let to = 0;
  for (let row = 0; row < height; row++) {
    let from = (start + row * down) * channels;
    for (let column = 0; column < width; column++) {
      for (let c = 0; c < channels; c++) result[to++] = data[from + c] as number;
      from += right * channels;
    }
  }
  return { data: result, width, height, channels };
}
