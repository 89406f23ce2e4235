import type { ExportGraph } from "../../../models/exports.js";
import type { Part } from "../../../nn/module.js";
import type { Size } from "../../../nn/patches.js";
import type { Tensor } from "../../../tensor/tensor.js";

/** What a masked autoencoder makes of a picture and a mask, for other programs. */
export interface FilledIn {
  /** [B N O], what is predicted of every patch, in image order */
  readonly prediction: Tensor;
  /** [B C H W] */
  readonly rebuilt: Tensor;
  /** [B D], of the visible patches */
  readonly features: Tensor;
}

export interface FillIn {
  /** Whose parameters the graph holds. */
  readonly module: Part;
  readonly channels: number;
  readonly imageSize: Size;
  /** Patches of a picture, or cells of the last map. */
  readonly patches: number;
  /** image [B C H W], numbers of the visible patches [B K], every patch's place in the order visible, then hidden [B N] */
  run(image: Tensor, visible: Tensor, restore: Tensor): FilledIn;
}

const descriptions = {
  image: "pictures, normalised as the metadata's preprocessing says",
  ids_keep: "numbers of the visible patches, counted row by row",
  ids_restore: "for each patch its place in the order visible patches (as in ids_keep), then hidden ones",
  prediction: "every patch as the decoder predicts it, in image order; a patch's elements row by row, channels last",
  rebuilt: "visible patches as they were, hidden ones as predicted; normalised like the input",
  features: "features of the visible patches; with every patch visible the picture's features",
} as const;

/** The graph `masked-autoencoder`: any pictures and any mask in, the pictures filled in. */
export function fillInGraph({ module, channels, imageSize, patches, run }: FillIn): ExportGraph {
  return {
    name: "masked-autoencoder",
    module,
    inputs: [
      { name: "image", shape: ["batch", channels, ...imageSize], dtype: "float32" },
      { name: "ids_keep", shape: ["batch", "kept"], dtype: "int64" },
      { name: "ids_restore", shape: ["batch", patches], dtype: "int64" },
    ],
    run: (image, visible, restore) => ({ ...run(image as Tensor, visible as Tensor, restore as Tensor) }),
    probes: { batch: [2, 3, 5], kept: [1, Math.max(2, patches - 1), Math.max(2, Math.ceil(patches / 2))] },
    descriptions,
  };
}
