import { ShapeError } from "../engine/errors.js";
import { linear } from "../tensor/functional.js";
import type { Tensor } from "../tensor/tensor.js";
import { uniformFanIn, xavierUniform } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** Height and width, in pixels or in patches. */
export type Size = readonly [height: number, width: number];

/** [height, width] of a side or a pair. */
export function pair(size: number | Size): Size {
  return typeof size === "number" ? [size, size] : size;
}

/**
 * Element order inside a patch: a convolution's kernel is channel-first, MAE's targets are channel-last.
 */
export type PatchOrder = "channelsFirst" | "channelsLast";

/** image [B C H W] -> patches [B N C·p·q], N row by row. Height and width must be multiples of the patch's. */
export function patchify(image: Tensor, [p, q]: Size, order: PatchOrder): Tensor {
  const [B = 0, C = 0, H = 0, W = 0] = image.shape;
  if (H % p !== 0 || W % q !== 0) {
    throw new ShapeError({
      problem: `an image of ${H} × ${W} does not divide into patches of ${p} × ${q}.`,
      code: "shape",
      expected: [`a multiple of ${p}`, `a multiple of ${q}`],
      actual: [H, W],
    });
  }
  const cells = image.reshape([B, C, H / p, p, W / q, q]); // [B C h p w q]
  const ordered = order === "channelsFirst" ? cells.permute([0, 2, 4, 1, 3, 5]) : cells.permute([0, 2, 4, 3, 5, 1]);
  return ordered.reshape([B, (H / p) * (W / q), C * p * q]); // [B N C·p·q]
}

/** patches [B N C·p·q] -> image [B C H W]: the inverse of `patchify` on a grid of h × w patches. */
export function unpatchify(patches: Tensor, [p, q]: Size, [h, w]: Size, order: PatchOrder): Tensor {
  const [B = 0, , P = 0] = patches.shape;
  const C = P / (p * q);
  const cells = order === "channelsFirst" ? patches.reshape([B, h, w, C, p, q]) : patches.reshape([B, h, w, p, q, C]);
  const ordered = order === "channelsFirst" ? cells.permute([0, 3, 1, 4, 2, 5]) : cells.permute([0, 5, 1, 3, 2, 4]);
  return ordered.reshape([B, C, h * p, w * q]); // [B C H W]
}

/** A convolution's weight, kept in its published shape although it is applied as a matrix. */
class Projection extends Module<[Tensor]> {
  readonly weight: Parameter; // [D C p q]
  readonly bias: Parameter; // [D]

  constructor(channels: number, width: number, [p, q]: Size) {
    super();
    this.weight = new Parameter([width, channels, p, q], xavierUniform);
    this.bias = new Parameter([width], uniformFanIn(channels * p * q));
  }

  /** patches [B N C·p·q], channels first -> [B N D] */
  protected forward(patches: Tensor): Tensor {
    return linear(patches, this.weight.flatten(1), this.bias);
  }
}

/**
 * Patch embedding: a convolution whose kernel equals its stride, written as a linear layer over unfolded patches, so
 * that only the patches that are kept need be embedded.
 */
export class PatchEmbed extends Module {
  readonly proj: Projection;

  constructor(
    channels: number,
    width: number,
    readonly patchSize: Size,
  ) {
    super();
    this.proj = new Projection(channels, width, patchSize);
  }

  /** image [B C H W] -> patches in the kernel's element order [B N C·p·q] */
  unfold(image: Tensor): Tensor {
    return patchify(image, this.patchSize, "channelsFirst");
  }

  /** patches [B N C·p·q] -> tokens [B N D] */
  protected forward(patches: Tensor): Tensor {
    return this.proj.call(patches);
  }
}
