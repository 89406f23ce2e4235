import type { TrainBlocks } from "../../finetune/classifier.js";
import type { FinetuneConfigInput } from "../../finetune/config.js";
import { resolveFinetune } from "../../finetune/finetune.js";
import { cost } from "../../graph/cost.js";
import { buildEncoder } from "../../models/index.js";
import { imageShape } from "../../train/loop/task.js";

/** How many last blocks are trained with the classifier, and for how long. */
export interface PartialBlocks {
  readonly blocks: TrainBlocks;
  /** As the configuration says if absent. */
  readonly epochs?: number | undefined;
}

/** 0, ½, 1, 2, 4, … and all: the doubling steps of MAE's figure 9. */
export function usualBlocks(depth: number): PartialBlocks[] {
  const doubled = Array.from({ length: 16 }, (_, power) => 2 ** power).filter((count) => count < depth);
  return [0, 0.5, ...doubled, "all" as const].map((blocks) => ({ blocks }) as PartialBlocks);
}

/** Layers of the encoder that a supervised run trains; nothing is allocated. @throws ConfigError, CheckpointError */
export function layersOf(input: FinetuneConfigInput): number {
  const config = resolveFinetune(input);
  let depth = 0;
  cost(
    () => buildEncoder(config.model, imageShape(config)),
    (encoder) => {
      depth = encoder.depth;
    },
  );
  return depth;
}
