/** Windows of maps that lie channels last: how a map falls into them, where they stand, and which of their positions see each other. */
import type { Size } from "../../nn/patches.js";
import { arange } from "../../tensor/creation.js";
import { padMap } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";

/** Sides of a stage's windows, and by how far every other block moves them: nothing where one window covers the map. */
export interface Windows {
  readonly size: Size;
  readonly shift: Size;
}

/** The windows of a map of these sides (paper, section 3.2): never larger than it, moved by half where there are several. */
export function windowsOf(map: Size, side: number): Windows {
  const size = map.map((cells) => Math.min(cells, side)) as unknown as Size;
  const shift = map.map((cells) => (cells <= side ? 0 : Math.floor(side / 2))) as unknown as Size;
  return { size, shift };
}

/** Whether windows move at all. */
export function isShifted({ shift }: Windows): boolean {
  return shift[0] > 0 || shift[1] > 0;
}

/** map [B H W C] -> the same with zeros below and to the right, so that windows divide it [B H' W' C] */
export function padToWindows(map: Tensor, [h, w]: Size): Tensor {
  return padMap(map, missing(map.side(1), h), missing(map.side(2), w));
}

function missing(side: number, window: number): number {
  return (window - (side % window)) % window;
}

/** map [B H W C], whose sides are multiples of the windows' -> windows, row by row [B·n N C] */
export function toWindows(map: Tensor, [h, w]: Size): Tensor {
  const [B = 0, H = 0, W = 0, C = 0] = map.shape;
  const cut = map.reshape([B, H / h, h, W / w, w, C]).permute([0, 1, 3, 2, 4, 5]); // [B H/h W/w h w C]
  return cut.reshape([B * (H / h) * (W / w), h * w, C]);
}

/** windows [B·n N C] of a map of H × W positions -> the map [B H W C]: the inverse of `toWindows` */
export function fromWindows(windows: Tensor, [h, w]: Size, [H, W]: Size): Tensor {
  const C = windows.side(2);
  const B = windows.side(0) / ((H / h) * (W / w));
  const cut = windows.reshape([B, H / h, W / w, h, w, C]).permute([0, 1, 3, 2, 4, 5]); // [B H/h h W/w w C]
  return cut.reshape([B, H, W, C]);
}

/** For each pair of positions of a window the row of the table of relative positions that is theirs [N·N], int64 */
export function relativeRows([h, w]: Size, device: string): Tensor {
  const on = { dtype: "int64", device } as const;
  const rows = arange(0, h, 1, on).unsqueeze(1).expand([h, w]).flatten(); // [N]
  const columns = arange(0, w, 1, on).unsqueeze(0).expand([h, w]).flatten(); // [N]
  const apart = (places: Tensor, reach: number): Tensor =>
    places
      .unsqueeze(1)
      .sub(places.unsqueeze(0))
      .add(reach - 1); // [N N], from 0
  return apart(rows, h)
    .mul(2 * w - 1)
    .add(apart(columns, w))
    .flatten();
}

/**
 * What is added to attention in the moved windows of a map, padded to whole windows: −100 between positions that are not
 * neighbours in the picture but came into one window from opposite borders, else 0. [n N N]
 */
export function shiftMask(map: Size, { size, shift }: Windows, device: string): Tensor {
  const on = { dtype: "int64", device } as const;
  /** Of each line: 0 where its window lies in one piece, 1 and 2 on the two sides of the last window's seam. */
  const pieces = (i: 0 | 1): Tensor => {
    const [side, window, by] = [map[i] + missing(map[i], size[i]), size[i], shift[i]];
    const lines = arange(0, side, 1, on); // [side]
    if (by === 0) return lines.mul(0);
    return lines
      .ge(side - window)
      .to("int64")
      .add(lines.ge(side - by).to("int64"));
  };
  const [down, across] = [pieces(0), pieces(1)];
  const regions = down.mul(3).unsqueeze(1).add(across.unsqueeze(0)); // [H W]
  const cut = toWindows(regions.unsqueeze(0).unsqueeze(-1), size).squeeze(-1); // [n N]
  const apart = cut.unsqueeze(1).sub(cut.unsqueeze(2)).ne(0); // [n N N]
  return apart.to("float32").maskedFill(apart, -100);
}
