import { noGrad, withoutAutocast } from "../../../engine/modes.js";
import { cat } from "../../../tensor/creation.js";
import { normalize, take } from "../../../tensor/functional.js";
import type { Tensor } from "../../../tensor/tensor.js";

/** Regions of one crop: their features [B T D], by which they are matched, and what the loss compares [B T K]. */
export interface Regions {
  readonly features: Tensor;
  readonly scores: Tensor;
}

/** What the loss between regions needs besides features and scores. */
export interface RegionLossOptions {
  /** What is taken off the teacher's scores [1 K]. */
  readonly centre: Tensor;
  readonly studentTemperature: number;
  readonly teacherTemperature: number;
}

/** student [B T D], teacher [B U D] -> for each region of the student the most similar one of the teacher, by cosine [B T] int64, no gradient */
export function matchRegions(student: Tensor, teacher: Tensor): Tensor {
  return noGrad(() => {
    const [ours, theirs] = [normalize(student.detach().float()), normalize(teacher.detach().float())];
    return ours.matmul(theirs.transpose(1, 2)).argmax(2); // [B T]
  });
}

/**
 * The cross-entropy of the distribution of each of a student's regions with that of the most similar region of the teacher, centred and
 * sharpened, over all pairs of different crops (EsViT, section 3.2; main_esvit.py, `DDINOLoss`). The large crops come first in both. No
 * gradient flows into the teacher, nor through the matching. In float32. []
 */
export function regionLoss(
  student: readonly Regions[],
  teacher: readonly Regions[],
  options: RegionLossOptions,
): Tensor {
  const { centre, studentTemperature, teacherTemperature } = options;
  return withoutAutocast(() => {
    const targets = teacher.map(({ scores }) =>
      noGrad(() => scores.detach().float().sub(centre).div(teacherTemperature).softmax(2)),
    ); // [B U K] each
    const losses = student.flatMap(({ features, scores }, v) => {
      const logs = scores.float().div(studentTemperature).logSoftmax(2); // [B T K]
      return teacher.flatMap((other, u) => {
        if (u === v) return [];
        const wanted = noGrad(() => take(targets[u] as Tensor, matchRegions(features, other.features))); // [B T K]
        return [wanted.mul(logs).sum([2]).mean().neg().reshape([1])];
      });
    });
    return cat(losses, 0).mean();
  });
}
