import type { Picture } from "../resample.js";

/**
 * Turns and mirrors a stored picture so that it stands as the photographer saw it.
 * @param orientation EXIF 2.32, tag 0x0112: 1 upright, 2 mirrored, 3 half turn, 4 flipped, 5 transposed, 6 to be turned
 * a quarter clockwise, 7 transposed along the other diagonal, 8 to be turned a quarter anticlockwise
 */
export function orient(picture: Picture, orientation: number): Picture {
  if (orientation < 2 || orientation > 8) return picture;
  const { data, width: w, height: h, channels } = picture;
  const swaps = orientation >= 5;
  const width = swaps ? h : w;
  const height = swaps ? w : h;
  const mirrorsX = [2, 3, 7, 8].includes(orientation);
  const mirrorsY = [3, 4, 6, 7].includes(orientation);
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
