/** Parameters and multiply-adds of a configuration's model, in words. */

import type { FinetuneConfig } from "../../index.js";
import type { ModelCost } from "../../public/plan.js";
import type { AnyConfig } from "../../public/train.js";
import { scaled, whole } from "../words.js";

/** `9.65 G (encoder 4.30 G, decoder 5.35 G)`: multiply-adds of a forward pass in training. */
export function costText({ multiplyAdds, encoder, encoderVisible, decoder }: ModelCost): string {
  const parts =
    decoder.multiplyAdds > 0
      ? `encoder ${scaled(encoderVisible)}, decoder ${scaled(decoder.multiplyAdds)}`
      : `encoder on a whole picture ${scaled(encoder.multiplyAdds)}`;
  return `${scaled(multiplyAdds)} (${parts})`;
}

/** Parameters and multiply-adds of a run of any kind, as rows of its table. */
export async function costRows(config: AnyConfig): Promise<string[][]> {
  if ("task" in config) return classifierRows(config);
  const { costOf } = await import("../../public/plan.js");
  const cost = costOf(config);
  return [
    ["parameters", `${whole(cost.parameters)} (encoder ${whole(cost.encoder.parameters)})`],
    ["multiply-adds", `${costText(cost)} for one picture's forward pass in training`],
  ];
}

async function classifierRows(config: FinetuneConfig): Promise<string[][]> {
  const { classifierCost } = await import("../../public/plan.js");
  const { parameters, trainable, multiplyAdds } = classifierCost(config);
  return [
    ["encoder", config.from ?? "from scratch"],
    ["trained", `${whole(trainable)} of ${whole(parameters)} parameters, ${(config.classes ?? []).length} classes`],
    ["multiply-adds", `${scaled(multiplyAdds)} for one picture's forward pass`],
  ];
}
