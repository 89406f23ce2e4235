import { patchify, type Size, unpatchify } from "../../../nn/patches.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Reconstruction } from "../../method.js";

/**
 * image [B C H W], predicted pixels of all its patches [B N P] (channels last), hidden [B N], 1 = hidden -> pictures [B C H W]:
 * the visible patches alone, the hidden ones filled in, every patch as predicted
 */
export function fillPictures(
  image: Tensor,
  pixels: Tensor,
  hidden: Tensor,
  { patch, grid }: { readonly patch: Size; readonly grid: Size },
): Omit<Reconstruction, "mask"> {
  const share = hidden.unsqueeze(-1); // [B N 1]
  const seen = patchify(image, patch, "channelsLast").mul(share.rsub(1)); // [B N P]
  const picture = (values: Tensor): Tensor => unpatchify(values, patch, grid, "channelsLast"); // [B C H W]
  return { masked: picture(seen), rebuilt: picture(seen.add(pixels.mul(share))), predicted: picture(pixels) };
}
