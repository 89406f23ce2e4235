/** What shows that all pictures are becoming the same: numbers of a batch's features, none with a gradient. */
import { noGrad, withoutAutocast } from "../../engine/modes.js";
import { normalize } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Signal } from "../health.js";

const measured = (body: () => Tensor): Tensor => noGrad(() => withoutAutocast(body));

/** What a run that logs `spread` is judged by. @param causes the method's, the likeliest first */
export function spreadSignal(causes: readonly string[]): Signal {
  return {
    name: "spread",
    what: "spread of the features (1: over the whole sphere)",
    below: 0.02,
    finding: "All pictures have nearly the same features.",
    causes,
  };
}

/**
 * What a run that logs the `likeness` of its projections is judged by. @param causes the method's, the likeliest first
 * @param above where projections are too alike; higher for heads that do not centre them, whose projections have much in common at first
 */
export function likenessSignal(causes: readonly string[], above = 0.9): Signal {
  return {
    name: "likeness",
    what: "cosine of different pictures' projections",
    above,
    finding: "Different pictures have nearly the same projections.",
    causes,
  };
}

/** What a run that logs the `dimensions` of its projections is judged by. @param causes the method's, the likeliest first */
export function dimensionsSignal(causes: readonly string[]): Signal {
  return {
    name: "dimensions",
    what: "directions in which projections vary",
    below: 1.5,
    finding: "Projections vary in one direction only: pictures fall into two groups.",
    causes,
  };
}

/**
 * features [B D] -> how widely their directions are spread: 1 over the whole sphere, 0 in one point []. It is the standard deviation
 * of unit features, averaged over dimensions, times √D (SimSiam, section 4.1).
 */
export function spread(features: Tensor): Tensor {
  return measured(() => {
    const unit = normalize(features.float()); // [B D]
    return unit
      .std([0], 0)
      .mean()
      .mul(Math.sqrt(unit.side(1))); // []
  });
}

/** features [B D] -> mean cosine of two different pictures' [], 0 for a single picture */
export function likeness(features: Tensor): Tensor {
  return measured(() => {
    const unit = normalize(features.float()); // [B D]
    const B = unit.side(0);
    const sum = unit.sum([0]); // [D]
    const all = sum.mul(sum).sum(); // []: of all pairs, each picture's with itself included
    return all.sub(B).div(Math.max(1, B * (B - 1)));
  });
}

/**
 * features [B D] -> in how many directions they vary [], from 1 (a line: two groups of pictures, each in one point) to min(B − 1, D).
 * It is the participation ratio (Σ λ)² / Σ λ² of the variances λ along the principal axes of unit features.
 */
export function dimensions(features: Tensor): Tensor {
  return measured(() => {
    const unit = normalize(features.float()); // [B D]
    const centred = unit.sub(unit.mean([0], true)); // [B D]
    const products = centred.matmul(centred.transpose(0, 1)); // [B B], its eigenvalues those of the covariance
    const trace = centred.mul(centred).sum(); // []
    return trace.mul(trace).div(products.mul(products).sum().clamp(1e-20));
  });
}

/** distributions [N K] -> their entropies [N], in nats: 0 for one output, ln K for all alike */
export function entropies(distributions: Tensor): Tensor {
  return measured(() => distributions.mul(distributions.clamp(1e-30).log()).sum([1]).neg()); // [N]
}

/**
 * distributions [N K] -> what they tell of the picture [], in nats: the entropy of their mean, less their mean entropy. 0 where all
 * are the same, be it one output, all alike or a mixture; ln K where each picture has an output to itself.
 */
export function information(distributions: Tensor): Tensor {
  return measured(() =>
    entropies(distributions.mean([0], true))
      .mean()
      .sub(entropies(distributions).mean()),
  ); // []
}
