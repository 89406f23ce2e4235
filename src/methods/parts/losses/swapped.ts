import type { Tensor } from "../../../tensor/tensor.js";

/**
 * Cross-entropy of predictions from crops with targets from the large ones, over all pairs of different crops: the mean over
 * pictures, targets u and predictions v ≠ u of `−Σ targets log predictions` (SwAV, equation 2 and its multi-crop form; DINO, equation 3).
 * logs [V B K]: logarithms of distributions; targets [G B K]: distributions of the first G crops -> []
 */
export function swappedCrossEntropy(logs: Tensor, targets: Tensor): Tensor {
  const [V, G] = [logs.side(0), targets.side(0)];
  const ofAll = logs.sum([0]); // [B K]
  const crossed = Array.from({ length: G }, (_, u) => {
    const others = ofAll.sub(logs.select(0, u)); // [B K], of all crops but this one
    return targets.select(0, u).mul(others).sum([1]).mean(); // []
  });
  return crossed.reduce((a, b) => a.add(b)).div(-G * (V - 1)); // []
}
