import { withoutAutocast } from "../../../engine/modes.js";
import { ConfigError } from "../../../errors.js";
import { Module } from "../../../nn/module.js";
import type { Size } from "../../../nn/patches.js";
import { arange, cat, stack, zeros } from "../../../tensor/creation.js";
import { atan2, conv2d } from "../../../tensor/functional.js";
import { type Tensor, tensor } from "../../../tensor/tensor.js";
import type { Target } from "./target.js";

/** Directions that are told apart, each 20 degrees wide; opposite ones are the same. */
const bins = 9;

/**
 * image [B C H W] -> histograms of oriented gradients [B C 9 H/s W/s]: of each channel and cell of s × s pixels how strong its edges are in
 * nine directions, as a unit vector (Dalal and Triggs, CVPR 2005, as MaskFeat has it, section 3.2 and official `HOGLayerC`: Sobel's
 * differences on a picture that is reflected at its border, every pixel in one bin, each cell normalised by itself).
 * Where a cell has no edges at all its vector is zero.
 */
export function histograms(image: Tensor, [height, width]: Size): Tensor {
  const [B = 0, C = 0, H = 0, W = 0] = image.shape;
  const [h, w] = [H / height, W / width];
  const { across, down } = gradientsOf(image.float()); // [B C H W] each
  const strength = across.pow(2).add(down.pow(2)).sqrt(); // [B C H W]
  const place = binsOf(across, down)
    .mul(h * w)
    .add(cellsOf(image, [height, width])); // [B C H W] of 0 to C·9·h·w
  const counted = zeros([B, C * bins * h * w], { device: image.device }).scatterAdd(
    1,
    place.to("int64").reshape([B, C * H * W]),
    strength.reshape([B, C * H * W]),
  );
  const all = counted.reshape([B, C, bins, h, w]); // [B C 9 h w]
  return all.div(all.pow(2).sum([2], true).sqrt().clamp(1e-12));
}

/** image [B C H W] -> where among all cells of the first bins each pixel's is [C H W] */
function cellsOf(image: Tensor, [height, width]: Size): Tensor {
  const [, C = 0, H = 0, W = 0] = image.shape;
  const { device } = image;
  const counted = (count: number, side: number): Tensor => arange(0, count, 1, { device }).div(side).floor(); // [count]
  const cells = (H / height) * (W / width);
  const first = arange(0, C, 1, { device }).mul(bins * cells); // [C]
  const row = counted(H, height).mul(W / width); // [H]
  return first
    .reshape([C, 1, 1])
    .add(row.reshape([H, 1]))
    .add(counted(W, width));
}

const sobel = [1, 0, -1, 2, 0, -2, 1, 0, -1];

/**
 * image [B C H W] -> Sobel's differences, left minus right and upper minus lower [B C H W]. They are convolutions as the official layer's, to
 * the rounding: where a picture has no slope along x, which way rounding falls decides between the first bin and the last.
 */
function gradientsOf(image: Tensor): { across: Tensor; down: Tensor } {
  const [B = 0, C = 0, H = 0, W = 0] = image.shape;
  const wide = reflected(reflected(image, 2), 3); // [B C H+2 W+2]
  const kernel = tensor(Float32Array.from(sobel), [1, 1, 3, 3]).toDevice(image.device);
  const both = conv2d(wide.reshape([B * C, 1, H + 2, W + 2]), cat([kernel, kernel.transpose(2, 3)], 0), null); // [B·C 2 H W]
  const [across, down] = both.reshape([B, C, 2, H, W]).unbind(2) as [Tensor, Tensor]; // [B C H W] each
  return { across, down };
}

/** One more row at both ends, mirrored at the border pixel. */
function reflected(x: Tensor, dim: number): Tensor {
  return cat([x.slice(dim, 1, 2), x, x.slice(dim, -2, -1)], dim);
}

/** The bin of each pixel, [B C H W] of 0 to 8: opposite directions are one, and π itself begins anew. */
function binsOf(across: Tensor, down: Tensor): Tensor {
  const turns = atan2(across, down).div(Math.PI).mul(bins).floor(); // -9 to 9
  return turns.add(turns.lt(0).float().mul(bins)).sub(turns.ge(bins).float().mul(bins));
}

/** A patch's histograms of oriented gradients (MaskFeat): channel by channel, bin by bin, its cells row by row. */
export class HogTarget extends Module<[Tensor], Tensor> implements Target {
  readonly outputs: number;
  private readonly cell: Size;

  /** @param cells along a side of a patch @throws ConfigError where they do not divide it */
  constructor(
    readonly patchSize: Size,
    readonly channels: number,
    readonly cells: number,
  ) {
    super();
    const [height, width] = patchSize;
    if (height % cells !== 0 || width % cells !== 0)
      throw new ConfigError({
        problem: `a patch of ${height} × ${width} pixels does not divide into ${cells} × ${cells} cells.`,
        code: "cells",
        path: "method.cells",
        expected: "a divisor of the patch's sides",
        actual: cells,
        remedy: "Take 1: one histogram for the whole patch.",
      });
    this.cell = [height / cells, width / cells];
    this.outputs = channels * bins * cells ** 2;
  }

  /** image [B C H W] -> [B N C·9·s·s] */
  protected forward(image: Tensor): Tensor {
    const { cells: s } = this;
    const found = withoutAutocast(() => histograms(image, this.cell)); // [B C 9 H W], of cells
    const [B = 0, C = 0, , H = 0, W = 0] = found.shape;
    const [h, w] = [H / s, W / s];
    const patches = found.reshape([B, C, bins, h, s, w, s]).permute([0, 3, 5, 1, 2, 4, 6]); // [B h w C 9 s s]
    return patches.reshape([B, h * w, this.outputs]);
  }

  /** Mean squared error (section 3.2). */
  loss(predicted: Tensor, wanted: Tensor): Tensor {
    return predicted.float().sub(wanted).pow(2).mean(); // []
  }

  /** Strokes along the edges, the stronger the lighter. */
  pixels(predicted: Tensor): Tensor {
    const { channels: C, cells: s } = this;
    const [B = 0, N = 0] = predicted.shape;
    const [height, width] = this.cell;
    const strokes = strokesOf(this.cell, predicted.device); // [9 p·q]
    const strength = predicted.float().reshape([B, N, C, bins, s, s]).permute([0, 1, 4, 5, 2, 3]).clamp(0); // [B N s s C 9]
    const drawn = withoutAutocast(() => strength.matmul(strokes)).sub(1); // [B N s s C p·q]
    const cells = drawn.reshape([B, N, s, s, C, height, width]).permute([0, 1, 2, 5, 3, 6, 4]); // [B N s p s q C]
    return cells.reshape([B, N, s * height * s * width * C]);
  }

  /** Of the mean of noise's histograms: a model that knows the mean of each number (docs/methods/maskFeat.md); zero costs 1 / 9. */
  baseline(): number {
    return 1 / bins;
  }

  note(): string {
    return "predictions are histograms of gradients, drawn as strokes along the edges that they tell of";
  }
}

/** A stroke through the middle of a cell for each bin, along the edge that has such gradients [9 p·q] */
function strokesOf([height, width]: Size, device: string): Tensor {
  const places = (count: number): Tensor => arange(0, count, 1, { device }).sub((count - 1) / 2);
  const [x, y] = [places(width).unsqueeze(0), places(height).unsqueeze(1)]; // [1 q], [p 1]
  const drawn = Array.from({ length: bins }, (_, k) => {
    const angle = ((80 - 20 * k) * Math.PI) / 180; // of the gradient, + 90 downwards
    const off = x
      .mul(Math.cos(angle))
      .add(y.mul(Math.sin(angle)))
      .abs(); // from the line through the middle [p q]
    return off.rsub(1).clamp(0).mul(3).flatten();
  });
  return stack(drawn);
}
