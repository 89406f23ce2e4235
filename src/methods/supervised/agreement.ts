/** How far a classifier agrees with labels, and what it means where it does not. */
import { arange } from "../../tensor/creation.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Signal } from "../health.js";

/** What a plan counts with where nobody has looked at the pictures: ImageNet's. */
export const usualClasses = 1000;

/**
 * logits [B K], label [B], −1 where there is none -> of pictures that have one the share that is hit [], and by how much that
 * exceeds chance, from 0 to 1 (Cohen's kappa over the batch) []
 */
export function agreementOf(logits: Tensor, label: Tensor): Record<"accuracy" | "agreement", Tensor> {
  const answer = logits.detach().argmax(-1); // [B]
  const known = label.ge(0).float(); // [B]
  const count = known.sum().clamp(1); // []
  const accuracy = answer.eq(label).float().sum().div(count); // []
  const classes = arange(0, logits.side(1), 1, { dtype: "int64", device: label.device }); // [K]
  const shares = (of: Tensor): Tensor =>
    of.unsqueeze(1).eq(classes).float().mul(known.unsqueeze(1)).sum([0]).div(count); // [K]
  const chance = shares(answer).mul(shares(label)).sum(); // []
  return { accuracy, agreement: accuracy.sub(chance).div(chance.rsub(1).clamp(1e-6)) };
}

/** Why labels may teach nothing. */
export const labelCauses = [
  "Labels may be shuffled or wrong: look at some pictures of each class.",
  "The classes may not be visible in pictures of this size.",
] as const;

/** Sick where a classifier agrees with labels no more than chance does. */
export function agreementSignal(causes: readonly string[]): Signal {
  return {
    name: "agreement",
    what: "agreement of classifier and labels beyond chance",
    below: 0.08,
    finding: "Labels teach nothing: the classifier agrees with them no more than chance does.",
    causes,
  };
}
