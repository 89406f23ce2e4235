import type { Picture } from "../../../src/data/resample.js";
import { normalized } from "../picture/pixels.js";
import { rebuilt } from "../picture/rebuild.js";
import { interpolated, patchStatistics, type Statistics } from "../picture/statistics.js";
import type { Answered, State } from "../session/state.js";

/** The model's answer as a picture, shown as the state says. */
export function rebuiltPicture({
  answer,
  everywhere,
  statistics,
  description,
  grid,
}: Pick<State, "everywhere" | "statistics" | "description" | "grid"> & { answer: Answered }): Picture {
  const { picture, mask, prediction } = answer;
  const { patch, mean, std, target } = description;
  const used = (): Statistics => {
    const exact = statisticsOf(picture, { description, grid });
    return statistics === "true" ? exact : interpolated(exact, mask, grid);
  };
  const scale = target === "normalizedPixels" ? used() : undefined;
  return rebuilt({ picture, grid, patch, mask, prediction, statistics: scale, everywhere, mean, std });
}

const known = new WeakMap<Picture, Statistics>();

/** Of a picture's patches; worked out once, since a stroke asks for them at every patch. */
function statisticsOf(picture: Picture, { description, grid }: Pick<State, "description" | "grid">): Statistics {
  const before = known.get(picture);
  if (before !== undefined) return before;
  const statistics = patchStatistics(normalized(picture, description), grid, description.patch);
  known.set(picture, statistics);
  return statistics;
}

/** One line on what the picture shows, for its caption. */
export function explanation({ everywhere, statistics, description }: State): string {
  const shown = everywhere ? "predictions everywhere" : "visible patches as they are";
  if (description.target === "pixels") return `${shown}; the model predicts pixels`;
  return statistics === "true"
    ? `${shown}; mean and contrast of each hidden patch are the true ones`
    : `${shown}; mean and contrast of hidden patches are interpolated from visible ones`;
}
