import sharp from "sharp";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import type { Method, Reconstruction, Step } from "../../methods/method.js";
import { svgText } from "../../runs/drawing.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";

/** Columns of a picture, each [B H W 3] as bytes. */
export interface Panels {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly columns: readonly Column[];
}

export interface Column {
  readonly title: string;
  readonly pixels: Uint8Array; // [B H W 3]
  /** [B H W], 1 = hidden: drawn with stripes, so that no picture looks like a mask. */
  readonly hidden?: Uint8Array;
}

/** How predictions are shown: the visible patches as they were, or predictions everywhere (the paper's own figures). */
export type Shown = "pasted" | "predicted";

/** Normalised images [B C H W] -> the columns original, masked, rebuilt. */
export function reconstructionPanels(
  method: Method,
  images: Tensor,
  options: {
    step: Step;
    mean: readonly number[];
    std: readonly number[];
    mask?: { readonly ids: Tensor; readonly kept: number };
    shown?: Shown;
  },
): Panels | undefined {
  if (method.reconstruct === undefined) return undefined;
  method.setTraining(false);
  return noGrad(() =>
    scope(() => {
      const made = method.reconstruct?.(images, options.step, options.mask) as Reconstruction;
      const show = (image: Tensor): Uint8Array => toPixels(image, options.mean, options.std);
      const [count = 0, , height = 0, width = 0] = images.shape;
      const last = options.shown === "predicted" ? made.predicted : made.rebuilt;
      const columns = [
        { title: "original", pixels: show(images) },
        { title: "masked", pixels: show(made.masked), ...hiddenPixels(method, made.mask, [count, height, width]) },
        { title: "rebuilt", pixels: show(last) },
      ];
      return { count, height, width, columns };
    }),
  );
}

/** mask [B N], 1 = hidden -> the same of every pixel [B H W], where the method says how large a patch is. */
function hiddenPixels(
  method: Method,
  mask: Tensor,
  [count, height, width]: readonly [number, number, number],
): { hidden?: Uint8Array } {
  const hiding = method.hiding?.();
  if (hiding === undefined) return {};
  const patches = mask.toNumbers();
  const { grid, cell } = hiding;
  const hidden = new Uint8Array(count * height * width);
  for (let at = 0; at < hidden.length; at++) {
    const [x, row] = [at % width, Math.floor(at / width)];
    const [y, b] = [row % height, Math.floor(row / height)];
    const patch = Math.floor(y / cell[0]) * grid[1] + Math.floor(x / cell[1]);
    hidden[at] = patches[b * grid[0] * grid[1] + patch] as number;
  }
  return { hidden };
}

/** Normalised [B C H W] -> bytes [B H W 3]: clip((v·std + mean)·255) as the official demo; grey is repeated; of more channels the first three are shown. */
export function toPixels(image: Tensor, mean: readonly number[], std: readonly number[]): Uint8Array {
  return scope(() => {
    const C = image.side(1);
    const shape = [1, C, 1, 1];
    const spread = tensor(Float32Array.from(std), shape);
    const centre = tensor(Float32Array.from(mean), shape);
    const host = image.detach().toDevice("cpu").float();
    const values = host.mul(spread).add(centre).mul(255).add(0.5).clamp(0, 255); // rounded, not cut
    const colour = C < 3 ? values.slice(1, 0, 1).expand([-1, 3, -1, -1]) : values.slice(1, 0, 3);
    return colour.permute([0, 2, 3, 1]).contiguous().to("uint8").toArray() as Uint8Array;
  });
}

const gap = 8;
const header = 26;
const footer = 24;
/** Pictures are enlarged to at least this side, without smoothing: a pixel stays a square. */
const smallest = 112;

/** Lines across what is hidden, in pixels of the drawing. */
const stripe = { every: 9, width: 2, light: 235 };

/** Panels -> PNG: two pictures a row, titles above, a note below. @param perRow pictures in a row */
export async function renderPanels(panels: Panels, note: string, perRow = 2): Promise<Buffer> {
  const zoom = Math.max(1, Math.ceil(smallest / Math.max(panels.height, panels.width)));
  const [h, w] = [panels.height * zoom, panels.width * zoom];
  const groups = Math.min(panels.count, perRow);
  const rows = Math.ceil(panels.count / groups);
  const group = panels.columns.length * (w + gap) + gap;
  const width = groups * group + gap;
  const height = header + rows * (h + gap) + footer;
  const tiles = await Promise.all(
    panels.columns.flatMap((one, column) =>
      Array.from({ length: panels.count }, async (_, i) => ({
        input: await enlarged(one, i, panels, zoom),
        left: gap + (i % groups) * group + column * (w + gap),
        top: header + Math.floor(i / groups) * (h + gap),
      })),
    ),
  );
  const titles = Array.from({ length: groups }, (_, g) =>
    panels.columns.map(({ title }, c) => svgText(title, gap + g * group + c * (w + gap) + w / 2, 18, 14, "middle")),
  );
  const labels = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${titles.flat().join("")}${svgText(note, gap, height - 8, 11)}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: "#ffffff" } })
    .composite([...tiles, { input: Buffer.from(labels), left: 0, top: 0 }])
    .png()
    .toBuffer();
}

/** The picture of a column, enlarged; what is hidden has stripes. */
async function enlarged(column: Column, i: number, { height, width }: Panels, zoom: number): Promise<Buffer> {
  const area = height * width;
  const pixels = column.pixels.subarray(3 * i * area, 3 * (i + 1) * area);
  const raw = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(width * zoom, height * zoom, { kernel: "nearest" })
    .raw()
    .toBuffer();
  const hidden = column.hidden?.subarray(i * area, (i + 1) * area);
  for (let at = 0; hidden !== undefined && at < raw.length / 3; at++) {
    const [x, y] = [at % (width * zoom), Math.floor(at / (width * zoom))];
    const isHidden = hidden[Math.floor(y / zoom) * width + Math.floor(x / zoom)] === 1;
    if (isHidden && (x + y) % stripe.every < stripe.width)
      for (let channel = 3 * at; channel < 3 * at + 3; channel++)
        raw[channel] = Math.round(((raw[channel] as number) + stripe.light) / 2);
  }
  return sharp(raw, { raw: { width: width * zoom, height: height * zoom, channels: 3 } })
    .png()
    .toBuffer();
}
