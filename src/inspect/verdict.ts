/** Says whether a run looks normal, from nothing but its events and run.json. */
import type { RunEvent, RunFile, RunStatus, StepEvent } from "../runs/schema.js";
import { endedAs, endingOf } from "./ending.js";
import { type Evidence, type Finding, percent, type Suspect, type VerdictStatus } from "./finding.js";
import { healthySignals, readSignals, unhealthy } from "./health.js";
import { badInput } from "./input.js";
import { hasEnded, healthy, jumping, notFinite, risen, stuck, tooEarly, unsettled } from "./loss.js";
import { type BelowFrozen, belowFrozen, belowUntrained } from "./probes.js";
import { type Comparison, compareWith, type Reference } from "./reference.js";
import { countJumps, type Shape, shapeOf, warmupEnd } from "./shape.js";
import { clippedAway, collapsed, culpritOf, frozen, movement } from "./weights.js";

export type { VerdictStatus } from "./finding.js";

/** The verdict on a run: its status, a sentence, likely causes, and the numbers behind them. */
export interface Verdict extends Finding {
  /** The numbers on which it rests. */
  readonly evidence: Readonly<Record<string, number>>;
  /** Beside which recorded run it was held, where references were given. */
  readonly comparison?: Comparison;
}

/** What of a run.json a verdict reads. */
type Judged = Pick<RunFile, "derived"> &
  Partial<Pick<RunFile, "config" | "data" | "health">> & {
    /** As `openRun` says it. */
    readonly state?: RunStatus | "killed";
    /** Whether there are JPEGs among its pictures. */
    readonly hasJpegs?: boolean;
  };

/** Share of the time. */
const longWait = 0.2;

/**
 * Judges a run, finished or under way. Used where they were logged: the first batch (`input`), updates of the weights
 * (`update`), the probes `featureStd` (mean over dimensions of the standard deviation over pictures of L2-normalised
 * features, times the root of their width), `featureRank` (exponential of the entropy of the normalised singular values,
 * RankMe) and `knn`, and of a supervised run the accuracies of its frozen encoder (`frozenKnn`, `frozenLinear`);
 * `derived.baseline`, `derived.warmupSteps` and `health` where run.json has them; and recorded runs, of which the nearest is taken.
 */
export function verdict(events: readonly RunEvent[], run: Judged, references?: readonly Reference[]): Verdict {
  const steps = events.filter((event) => event.type === "step");
  const evidence: Evidence = { steps: steps.at(-1)?.step ?? 0 };
  const comparison = references && compareWith(references, events, run);
  const bad = badInput(events, evidence, run.config?.["data"] as { mean?: number[]; std?: number[] } | undefined);
  const below = belowFrozen(events, run, hasEnded(events), evidence);
  const found = withInput(withFrozen(judge(events, steps, run, evidence, comparison), below), bad);
  const ending = endingOf(events, run.derived["steps"], run.state);
  const added = comparison === undefined ? {} : { comparison };
  return { ...(ending === undefined ? found : endedAs(ending, found)), evidence, ...added };
}

/** What is wrong with the pictures comes first, and is the cause of a divergence. */
function withInput(found: Finding, bad: Finding | undefined): Finding {
  if (bad === undefined) return found;
  if (found.status !== "diverged") return bad;
  return { ...found, suspect: bad.suspect as Suspect, causes: [bad.headline, ...bad.causes] };
}

/** What says more of a classifier than that it is below its frozen features: causes of it. */
const graver: readonly VerdictStatus[] = ["diverged", "frozen", "unhealthy", "collapsed"];

function withFrozen(found: Finding, below: BelowFrozen | undefined): Finding {
  if (below === undefined || graver.includes(found.status)) return found;
  const { finding, isSure } = below;
  if (isSure) return finding;
  if (found.status !== "normal") return found;
  return { ...found, headline: `${found.headline} ${finding.headline}`, causes: finding.causes };
}

function judge(
  events: readonly RunEvent[],
  steps: readonly StepEvent[],
  run: Judged,
  evidence: Evidence,
  comparison: Comparison | undefined,
): Finding {
  const warmup = warmupEnd(steps, run.derived["warmupSteps"]);
  const baseline = run.derived["baseline"];
  const shape = shapeOf(steps.map(({ loss }) => loss));
  if (shape !== undefined) {
    Object.assign(evidence, { firstLoss: shape.first, bestLoss: shape.best, recentLoss: shape.recent });
  }
  const jumps = countJumps(steps, warmup);
  if (jumps > 0) evidence["jumps"] = jumps;
  const { waitShare, seconds } = waiting(steps);
  if (seconds > 0) evidence["waitShare"] = waitShare;
  const moved = movement(events);
  const culprit = culpritOf(moved, run, evidence);
  const isPretraining = run.config === undefined || "method" in run.config;
  const { health } = run;
  const readings = readSignals(events, health, warmup);
  const slowed = culprit ?? clippedAway(run, steps, evidence);
  const setting = { warmup, baseline, answer: health?.trivialAnswer, ended: hasEnded(events), culprit: slowed };
  const found =
    notFinite(steps, events, culprit, evidence) ??
    frozen(moved, isPretraining) ??
    unhealthy(readings, slowed, evidence) ??
    collapsed(events, { warmup, culprit, canBeConstant: health?.loss === "moves" }, evidence) ??
    tooEarly(steps, shape, setting, evidence);
  if (found !== undefined) return found;
  const learns = shape as Shape;
  // A loss that moves may rise, jump and stay while all is well.
  const ofLoss =
    health?.loss === "moves"
      ? unsettled(steps, setting)
      : (risen(steps, learns, { jumps, culprit }, evidence) ??
        stuck(steps, learns, setting, evidence) ??
        jumping(jumps, culprit));
  return (
    ofLoss ??
    belowUntrained(events, run, { ended: setting.ended, culprit }, evidence) ??
    offReference(comparison) ??
    dataBound(waitShare, run) ??
    (health?.loss === "moves" ? healthySignals(readings) : healthy(learns, setting))
  );
}

function offReference(comparison: Comparison | undefined): Finding | undefined {
  if (comparison?.nearness !== "same" || comparison.off.length === 0) return undefined;
  const headline = `The run learns, but not as ${comparison.name} does with the same configuration: ${comparison.off.join("; ")}.`;
  const causes = [
    "Something outside the configuration differs: the pictures, the version, the precision or the code.",
    "Compare run.json with that of the record, data fingerprint and versions first.",
  ];
  return { status: "off-reference", headline, causes };
}

function dataBound(waitShare: number, { config, hasJpegs = false }: Judged): Finding | undefined {
  if (waitShare <= longWait) return undefined;
  const { source, jpeg } = (config?.["data"] ?? {}) as { source?: { kind?: string }; jpeg?: string };
  const isLoose = source?.kind === "folder" || source?.kind === "list";
  const scaled = hasJpegs && jpeg !== "scaled" ? ", or decode them smaller: --data.jpeg=scaled" : "";
  const causes = [
    "More data workers help while cores are free.",
    ...(isLoose
      ? [`Pictures much larger than the crops cost decoding for nothing: pack them once (lacuna data pack)${scaled}.`]
      : []),
    "A slow or remote disk shows the same way: copy the data to a local one.",
  ];
  const headline = `The run learns, but it spends ${percent(Math.round(100 * waitShare) / 100)} of its time waiting for data.`;
  return { status: "data-bound", headline, causes };
}

/** Waiting in the latter half of the run: the workers' start at its beginning is no fault. */
function waiting(steps: readonly StepEvent[]): { waitShare: number; seconds: number } {
  const latter = steps.slice(steps.length >> 1);
  const seconds = latter.reduce((sum, step) => sum + step.seconds, 0);
  const waited = latter.reduce((sum, step) => sum + step.waitSeconds, 0);
  return { waitShare: seconds > 0 ? waited / seconds : 0, seconds };
}
