import { noGrad, withoutAutocast } from "../../../engine/modes.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { entropies, information } from "../collapse.js";
import { swappedCrossEntropy } from "./swapped.js";

/** What DINO's loss needs besides the scores. */
export interface DinoLossOptions {
  /** What is taken off the teacher's scores [1 K]. */
  readonly centre: Tensor;
  readonly studentTemperature: number;
  readonly teacherTemperature: number;
  /** Pictures B. */
  readonly pictures: number;
}

/** The loss and what it is made of: scalars; only the loss has a gradient. */
export interface DinoTerms {
  readonly loss: Tensor;
  /** Mean entropy of what the teacher says of a picture, in nats: 0 for one output, ln K for all alike. */
  readonly entropy: Tensor;
  /** Mean divergence of the student from the teacher, in nats: the loss without the entropy. 0 in every collapse (paper, section 5.3). */
  readonly divergence: Tensor;
  /** What the teacher's output tells of the picture, in nats: the entropy of its mean over the batch, less the mean entropy. */
  readonly information: Tensor;
}

/**
 * The cross-entropy of the student's distributions with the teacher's, centred and sharpened, over all pairs of different crops
 * (DINO, equation 3; main_dino.py, `DINOLoss`). student [V·B K], teacher [G·B K]: crop after crop, the G large ones first in both.
 * No gradient flows into the teacher. In float32.
 */
export function dinoLoss(student: Tensor, teacher: Tensor, options: DinoLossOptions): DinoTerms {
  const { centre, studentTemperature, teacherTemperature, pictures: B } = options;
  return withoutAutocast(() => {
    const K = student.side(1);
    const [V, G] = [student.side(0) / B, teacher.side(0) / B];
    const logs = student.float().div(studentTemperature).logSoftmax(1).reshape([V, B, K]); // [V B K]
    const targets = noGrad(() => teacher.detach().float().sub(centre).div(teacherTemperature).softmax(1)); // [G·B K]
    const loss = swappedCrossEntropy(logs, targets.reshape([G, B, K])); // []
    const entropy = entropies(targets).mean(); // []
    return { loss, entropy, divergence: noGrad(() => loss.sub(entropy)), information: information(targets) };
  });
}
