/** What the first batch says: pictures that nothing can be learned from. */
import type { RunEvent } from "../runs/schema.js";
import { type Evidence, type Finding, percent, show } from "./finding.js";

/** Between what healthy and sick runs showed: records/2026-11-25-verdict. */
const limits = {
  /** Healthy deviations: 0.82 to 0.97, and 0.25 for pixels of 0 to 1 that nobody normalised; wrong ones: 0.0035 and 49. */
  std: [0.1, 5],
  mean: 3,
  /** Deviation of pixels from 0 to 1 below which pictures show next to nothing, as people see them. */
  contrast: 0.04,
  /** Share of pictures of one colour: 0 where all is well, 1 in a set of them. */
  flatPictures: 0.9,
  /** CIFAR-10 and Fashion-MNIST 0.8 to 1.0, drawn shapes 0.7 to 1.0; their patches shuffled 4.3. */
  seam: 2.1,
  /** Share of pictures that show the same: frames of a fixed camera may be half; copies of one picture are all. */
  same: 0.9,
  /** Share of pictures whose bytes wrapped round: 0 where all is well. */
  wrapped: 0.5,
  /** Deviation of a channel that has one value everywhere, as alpha where nothing is transparent. */
  constantChannel: 1e-3,
} as const;

/** How pixels from 0 to 1 are normalised: by channel. */
interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Undefined where nothing is wrong, or a run of an earlier version did not say. @param data by which brightness is told from wrong
 * normalisation, where it is known
 */
export function badInput(
  events: readonly RunEvent[],
  evidence: Evidence,
  data?: Partial<Normalisation>,
): Finding | undefined {
  const input = events.find((event) => event.type === "input");
  if (input === undefined) return undefined;
  const { flatPictures, seam, same, wrapped } = input;
  const varies = input.std.map((value) => value > limits.constantChannel);
  const kept = (values: readonly number[]): number[] =>
    varies.includes(true) ? values.filter((_, c) => varies[c]) : [...values];
  const [mean, std] = [kept(input.mean), kept(input.std)];
  const far = mean.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  const spread = std.reduce((a, b) => (Math.abs(Math.log(b + 1e-9)) > Math.abs(Math.log(a + 1e-9)) ? b : a), 1);
  Object.assign(evidence, { inputMean: far, inputStd: spread, flatPictures, ...(seam === null ? {} : { seam }) });
  if (same !== undefined) evidence["samePictures"] = same.share;
  if (wrapped !== undefined) evidence["wrappedPictures"] = wrapped.share;
  if (flatPictures >= limits.flatPictures) return constant(flatPictures);
  if (same !== undefined && same.share >= limits.same) return copies(same);
  if (wrapped !== undefined && wrapped.share >= limits.wrapped) return wrappedRound(wrapped);
  const [low, high] = limits.std;
  const brightness = brightnessOf(input, data);
  if (spread < low && brightness !== undefined && brightness.deviation < limits.contrast) return faint(brightness);
  if (spread < low || spread > high || Math.abs(far) > limits.mean) return normalisation(far, spread);
  return seam !== null && seam > limits.seam ? shuffled(seam) : undefined;
}

/** Of the pixels as they were before the normalisation, 0 is black and 1 is white. */
function brightnessOf(
  input: Normalisation,
  { mean = [], std = [] }: Partial<Normalisation> = {},
): { mean: number; deviation: number } | undefined {
  if (mean.length !== input.mean.length || std.length !== input.std.length) return undefined;
  const average = (of: (c: number) => number): number =>
    input.mean.reduce((sum, _, c) => sum + of(c), 0) / Math.max(1, input.mean.length);
  return {
    mean: average((c) => (input.mean[c] as number) * (std[c] as number) + (mean[c] as number)),
    deviation: average((c) => (input.std[c] as number) * (std[c] as number)),
  };
}

function faint({ mean, deviation }: { readonly mean: number; readonly deviation: number }): Finding {
  const what = mean < 0.1 ? "nearly black" : mean > 0.9 ? "nearly white" : "nearly of one tone";
  return {
    status: "bad-input",
    suspect: "faint-pictures",
    headline: `The pictures are ${what}: their brightness is ${percent(mean)} of white, with a deviation of ${percent(deviation)}.`,
    causes: [
      "Values that fill a small part of their range, as those of many cameras with 12 or 16 bits do, look so when saved with 8 bits: stretch them when exporting.",
      "If they are meant to be so, set data.mean and data.std to their own: lacuna plan prints them.",
    ],
  };
}

function constant(share: number): Finding {
  return {
    status: "bad-input",
    suspect: "constant-pictures",
    headline: `There is nothing to learn from: ${percent(share)} of the pictures looked at are of one colour.`,
    causes: [
      "Pictures of one colour leave targets without variance; any loss on them says nothing.",
      "Look at the original column of a preview; run lacuna doctor on the folder: blank exports and failed downloads look so.",
    ],
  };
}

interface Share {
  readonly share: number;
  readonly example: string;
}

function copies({ share, example }: Share): Finding {
  return {
    status: "bad-input",
    suspect: "same-pictures",
    headline: `There is one picture to learn from: ${percent(share)} of the pictures looked at show the same as ${example}.`,
    causes: [
      "A model that has learned one picture by heart has a low loss and knows no other: neither loss nor probes say anything.",
      "An export that wrote one picture under many names looks so, or frames of a camera that does not move: lacuna doctor lists the copies.",
    ],
  };
}

function wrappedRound({ share, example }: Share): Finding {
  return {
    status: "bad-input",
    suspect: "wrapped-bytes",
    headline: `Numbers wrapped round when they were stored as bytes: in ${percent(share)} of the pictures looked at neighbouring pixels jump between white and black, as in ${example}.`,
    causes: [
      "The low bytes of 16-bit numbers, or signed numbers taken for unsigned ones, look so: export the pictures again, scaled to 0 … 255 or with 16 bits.",
      "Look at such a picture: bands like those of a contour map are no part of what was photographed.",
    ],
  };
}

function normalisation(mean: number, std: number): Finding {
  const advice = "Set data.mean and data.std to the pictures' own, of pixels from 0 to 1: lacuna plan prints them.";
  const scale =
    std > 20
      ? "Pixels of 0 to 255 reach the model: data.std looks like 1/255."
      : std < 0.05
        ? "data.mean and data.std look like those of pixels from 0 to 255; here pixels go from 0 to 1: divide them by 255."
        : "data.mean and data.std are of other pictures.";
  return {
    status: "bad-input",
    suspect: "normalisation",
    headline: `The normalisation is wrong: pixels reach the model with mean ${show(mean)} and deviation ${show(std)}, where near 0 and 1 is meant.`,
    causes: [scale, advice],
  };
}

function shuffled(seam: number): Finding {
  return {
    status: "bad-input",
    suspect: "shuffled-patches",
    headline: `The patches of the pictures are out of order: pixels differ ${show(seam)} times as much across patch borders as inside.`,
    causes: [
      "What stands in a patch says nothing about its neighbours: an augmentation or an export has shuffled the patches.",
      "If the pictures are mosaics with tiles of the patch size, choose another model.patchSize.",
    ],
  };
}
