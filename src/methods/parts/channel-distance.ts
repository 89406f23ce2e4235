import { normalize } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";

/**
 * How far the channels of a map are from one another: the mean over all pairs of (1 − cosine) / 2, each channel seen as the vector of its
 * values over the positions (ConvNeXt V2, section 4, feature collapse): map [B C h w] -> [B]. Near 0 all channels say the same; channels
 * at right angles have (1 − 1/C) / 2. Of the unit vectors' mean, since the mean of all cosines is its squared length.
 */
export function channelDistance(map: Tensor): Tensor {
  const mean = normalize(map.flatten(2).float()).mean([1]); // [B h·w]
  return mean.mul(mean).sum([1]).rsub(1).div(2); // [B]
}
