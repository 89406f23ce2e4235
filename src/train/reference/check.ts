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
 * a margin. Where it is not said, the same is measured here, between our own runs from weights moved by a rounding (see `sides` too).
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
  const moved = remembered(again);
  const tolerance = tolerancesOf(recorded.tolerances(), () =>
    nudges.map((nudge) => roundingOf(ours, moved(nudge), apart)),
  );
  const compared = (numbers: Numbers, [part, names]: Section): ReferencePart | undefined => {
    const comparison = new Comparison(part);
    for (const name of names) {
      const theirs = recorded.has(name) ? recorded.read(name) : undefined;
      comparison.add(name, apart(name, numbers.get(name), theirs), tolerance(name));
    }
    return comparison.result();
  };
  return sections.flatMap((section) => {
    const plain = compared(ours, section);
    if (plain === undefined) return [];
    for (const nudge of plain.passed ? [] : sides) {
      const other = compared(moved(nudge), section);
      if (other?.passed) return other;
    }
    return plain;
  });
}

/** Runs of our own that tell what rounding does. */
const nudges = [1, 2, 3];

/**
 * Runs of our own that a part may be compared with too. Rounding decides on which side of its kink a ReLU stands that is nearly zero, and a
 * gradient differs there by far more than a tolerance. Among a few draws of weights moved by a rounding, one stands on the official side, and
 * there all must agree. No draw helps wrong code.
 */
const sides = [1, 2, 3, 4, 5, 6, 7, 8];

function remembered<T>(make: (key: number) => T): (key: number) => T {
  const made = new Map<number, T>();
  return (key) => {
    const known = made.get(key) ?? make(key);
    made.set(key, known);
    return known;
  };
}

function roundingOf(ours: Numbers, moved: Numbers, apart: Difference): Map<string, number> {
  return new Map([...ours].map(([name, value]) => [name, apart(name, moved.get(name), value)]));
}
