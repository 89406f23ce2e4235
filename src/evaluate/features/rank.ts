import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { normalize } from "../../tensor/functional.js";
import { aten, type Tensor } from "../../tensor/tensor.js";

/** How much of the feature space is used; both fall when an encoder collapses. */
export interface FeatureSpread {
  /** Between 1 and min(N, D). */
  readonly effectiveRank: number;
  /** Mean over dimensions of the standard deviation of unit features; near 0 when all pictures get one feature. */
  readonly deviation: number;
  /** `deviation` of features that point everywhere alike: 1 / √D. */
  readonly isotropicDeviation: number;
}

/**
 * Diagnostics of features [N D]; a few thousand rows are enough. Effective rank: RankMe (Garrido et al. 2023,
 * https://arxiv.org/abs/2210.02885), exp of the entropy of the singular values divided by their sum. Deviation: SimSiam
 * (Chen & He 2021, figure 2).
 */
export function featureSpread(features: Tensor): FeatureSpread {
  return scope(() =>
    noGrad(() => ({
      effectiveRank: effectiveRank(singularValues(features.to("float64"))),
      deviation: normalize(features.to("float64")).std([0], 0).mean().item(),
      isotropicDeviation: 1 / Math.sqrt(features.side(1)),
    })),
  );
}

/** Square roots of the eigenvalues of the smaller Gram matrix: accurate to 1e-8 of the largest, below what an entropy sees. */
function singularValues(features: Tensor): number[] {
  const other = features.transpose(0, 1);
  const gram = features.side(0) < features.side(1) ? features.matmul(other) : other.matmul(features);
  const [eigenvalues] = aten("linalg_eigh", gram);
  return eigenvalues.clamp(0).sqrt().toNumbers();
}

function effectiveRank(values: readonly number[]): number {
  const total = values.reduce((sum, value) => sum + value, 0);
  if (total === 0) return 1;
  let entropy = 0;
  for (const value of values) {
    const share = value / total;
    if (share > 0) entropy -= share * Math.log(share);
  }
  return Math.exp(entropy);
}
