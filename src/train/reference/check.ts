import { scope } from "../../engine/scope.js";
import { SafetensorsFile } from "../../formats/safetensors.js";
import { Comparison, type Difference, differencesIn, type ReferencePart } from "./comparison.js";
import { type Recorded, recordedIn } from "./recorded.js";
import { firstNumbers, type Numbers, stepNumbers } from "./replay.js";
import { kindOf, tolerancesOf } from "./tolerances.js";

export type { ReferencePart } from "./comparison.js";

/**
 * Compares this implementation of a method with numbers of its official code, in the layout of test/reference/README.md,
 * whatever method and configuration the file's metadata state. float32 on the CPU.
 *
 * How far off a number may be is said by the file: what the official code differs from itself between float32 and float64, with
 * a margin. Where it is not said, the same is measured here, between our own runs from weights moved by a rounding.
 * @throws FormatError, CheckpointError, ConfigError where the file is not of that layout, or of a method that is not in the list
 */
export function checkReference(path: string): ReferencePart[] {
  using file = SafetensorsFile.open(path);
  return scope(() => {
    const all = recordedIn(file);
    const [plain] = all;
    const firsts = all.flatMap((recorded, tag) => first(recorded, all.length > 1 ? tag : undefined));
    return [...firsts, ...(plain === undefined ? [] : steps(plain))];
  });
}

/** A part of the answer, and the tensors that it is about. */
type Section = readonly [part: string, names: readonly string[]];

/** The first step. @param tag tells apart what the older layout has twice */
function first(recorded: Recorded, tag?: number): ReferencePart[] {
  const ours = firstNumbers(recorded);
  const suffix = tag === undefined ? "" : `.${tag}`;
  const given = (name: string): string[] => (ours.has(name) && recorded.has(name) ? [name] : []);
  const shared: Section[] = [
    ["mask", given("out/mask")],
    ["latent", given("out/latent")],
  ];
  return judged(
    recorded,
    ours,
    [
      ...(tag === 1 ? [] : shared),
      [`prediction${suffix}`, given("out/pred")],
      ["features of visible cells", given("sparse/features")],
      [`loss${suffix}`, ["loss"]],
      ["parts", recorded.below("part/").map((name) => `part/${name}`)],
      [`gradients${suffix}`, onEitherSide(recorded, ours, "grad/")],
    ],
    (nudge) => firstNumbers(recorded, nudge),
  );
}

const words = ["no", "one", "two", "three", "four", "five"];

/** All steps, and what is left after them. */
function steps(recorded: Recorded): ReferencePart[] {
  const ours = stepNumbers(recorded);
  const count = recorded.config.rates.length;
  const taken = `${words[count] ?? count} steps`;
  const after = onEitherSide(recorded, ours, "after/");
  return judged(
    recorded,
    ours,
    [
      [`losses of ${taken}`, ["steps.loss"]],
      [`parameters after ${taken}`, after.filter((name) => kindOf(name) === "parameters")],
      [`buffers after ${taken}`, after.filter((name) => kindOf(name) === "buffers")],
    ],
    (nudge) => stepNumbers(recorded, nudge),
  );
}

/** What one side lacks is as far off as can be, but for the counters of batch norms, which nothing reads. */
function onEitherSide(recorded: Recorded, ours: Numbers, prefix: string): string[] {
  const theirs = recorded.below(prefix).map((name) => prefix + name);
  const known = theirs.filter((name) => ours.has(name) || !name.endsWith("num_batches_tracked"));
  return [...new Set([...known, ...[...ours.keys()].filter((name) => name.startsWith(prefix))])];
}

function judged(
  recorded: Recorded,
  ours: Numbers,
  sections: readonly Section[],
  again: (nudge: number) => Numbers,
): ReferencePart[] {
  const apart = differencesIn(recorded);
  const tolerance = tolerancesOf(recorded.tolerances(), () =>
    nudges.map((nudge) => roundingOf(ours, again(nudge), apart)),
  );
  return sections.flatMap(([part, names]) => {
    const comparison = new Comparison(part);
    for (const name of names) {
      const theirs = recorded.has(name) ? recorded.read(name) : undefined;
      comparison.add(name, apart(name, ours.get(name), theirs), tolerance(name));
    }
    return comparison.result() ?? [];
  });
}

/** Runs of our own that tell what rounding does. */
const nudges = [1, 2, 3];

function roundingOf(ours: Numbers, moved: Numbers, apart: Difference): Map<string, number> {
  return new Map([...ours].map(([name, value]) => [name, apart(name, moved.get(name), value)]));
}
