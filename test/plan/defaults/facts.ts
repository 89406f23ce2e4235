import type { PictureSurvey } from "../../../src/data/doctor/survey.js";
import type { MethodDefaults } from "../../../src/methods/defaults.js";
import { models } from "../../../src/models/index.js";
import type { MachineFacts } from "../../../src/plan/defaults/machine.js";
import type { PlanFacts } from "../../../src/plan/defaults/model.js";

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

/** What a plan is made of, for a method that says so little. */
export function planFacts(method: Partial<MethodDefaults> = {}, changes: Partial<PlanFacts> = {}): PlanFacts {
  return {
    survey: survey(),
    machine: twoCores,
    decided: {},
    model: models.get("vit"),
    pictures: 2646,
    askMethod: () => ({ choices: [], cost: 1, ...method }),
    ...changes,
  };
}
