import { withoutAutocast } from "../../../engine/modes.js";
import { normalize } from "../../../tensor/functional.js";
import type { Tensor } from "../../../tensor/tensor.js";

/** predictions, targets [B D] of the same pictures, in any order of magnitude -> their mean cosine [], in float32 */
export function meanCosine(predictions: Tensor, targets: Tensor): Tensor {
  return withoutAutocast(() => normalize(predictions.float()).mul(normalize(targets.float())).sum([1]).mean()); // []
}
