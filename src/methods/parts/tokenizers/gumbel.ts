import { withoutAutocast } from "../../../engine/modes.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { countOf } from "./clusters.js";

/**
 * A draw from a categorical distribution that gradients pass through: softmax((logits + g) / τ), g = −ln(−ln u) (Jang et al. 2017; Maddison
 * et al. 2017). It is soft in both directions. logits, u uniform in [0, 1), both [B V …] -> [B V …], which sums to 1 over V
 */
export function gumbelSoftmax(logits: Tensor, u: Tensor, temperature: number): Tensor {
  return withoutAutocast(() => {
    const gumbel = u.clamp(1e-20).log().neg().log().neg(); // [B V …]
    return logits.float().add(gumbel).div(temperature).softmax(1);
  });
}

/** The mean over positions of KL(softmax(logits) ‖ uniform) = ln V − H, in nats: logits [B V …] -> [] */
export function divergenceFromUniform(logits: Tensor): Tensor {
  return withoutAutocast(() => {
    const log = logits.float().logSoftmax(1); // [B V …]
    const entropy = log.exp().mul(log).sum([1]).mean().neg(); // []
    return entropy.rsub(Math.log(logits.side(1)));
  });
}

/** Of how many tokens, all as frequent, the tokens might be: exp of the entropy of their frequencies. tokens [B N] int64 -> [] */
export function perplexity(tokens: Tensor, vocabulary: number): Tensor {
  const flat = tokens.flatten(); // [n]
  const shares = countOf(flat, vocabulary).div(flat.side(0)); // [V]
  return shares.mul(shares.clamp(1e-20).log()).sum().neg().exp(); // []
}
