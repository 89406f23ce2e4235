/** Classes by the exact linear probe: a logistic regression on an encoder's frozen features of labelled pictures. */
import type { Source } from "../../data/source.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { toImages } from "../../train/batch.js";
import type { LoadedModel } from "../../train/checkpoints/load.js";
import { middle } from "../../train/watch/held-out.js";
import { type FittedProbe, fitLinearProbe } from "../probes/linear-probe.js";
import { bankOf, classesOf } from "./bank.js";
import type { PictureClassifier } from "./classify.js";

/** Holds nothing of the model; that stays its owner's. */
export interface ProbeClassifier extends PictureClassifier, Pick<FittedProbe, "l2" | "edge" | "converged"> {
  /** Labelled pictures to which it was fitted. */
  readonly labelled: number;
}

/** How a classifier by linear probe is made. */
export interface ProbeClassifierOptions {
  /** Is told the share of the labelled pictures that is done. */
  readonly onBatch?: (share: number) => void;
}

/**
 * A classifier for `classifyAll` and `evaluateClassifier` on the frozen features of any model, fitted as by `linearProbe`: the penalty is
 * chosen on held-out labelled pictures. Labelled pictures that cannot be read, or have no class, are left out.
 * @param labelled a folder for each class, or any other source with classes
 * @throws DataError "no-classes" where there are fewer than two, "no-pictures" where none can be read
 */
export async function probeClassifier(
  model: LoadedModel,
  labelled: Source,
  { onBatch }: ProbeClassifierOptions = {},
): Promise<ProbeClassifier> {
  const classes = classesOf(labelled);
  const { config } = model;
  const { mean, std } = config.data;
  const bank = await bankOf(model, labelled, onBatch);
  try {
    const { scores, l2, edge, converged } = fitLinearProbe(bank, { classes: classes.length });
    return {
      ...{ classes, config, view: middle(config), labelled: bank.labels.length },
      ...{ l2, edge, converged },
      probabilities: (pixels) =>
        scope(() =>
          noGrad(() => {
            const features = model.features(toImages(pixels, mean, std, config.device)).float(); // [B D]
            return scores(features).softmax(1).float().flatten().toArray() as Float32Array<ArrayBuffer>; // [B C]
          }),
        ),
    };
  } finally {
    bank.features.dispose();
  }
}
