import type { PictureSurvey } from "../../../src/data/doctor/survey.js";
import type { MachineFacts } from "../../../src/plan/defaults/machine.js";

export const twoCores: MachineFacts = { cores: 2, memoryBytes: 24e9, device: "cpu", bfloat16: true };
export const gpu: MachineFacts = { cores: 16, memoryBytes: 128e9, device: "cuda", bfloat16: true };

/** Three thousand photographs. */
export function survey(changes: Partial<PictureSurvey> = {}): PictureSurvey {
  return {
    pictures: 3000,
    sampled: 200,
    shorterSide: 375,
    pixels: 500 * 375,
    channels: 3,
    isFiles: true,
    statistics: { mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2], pictures: 48 },
    ...changes,
  };
}
