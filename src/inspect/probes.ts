/** What probes say: features beside those before training, and a classifier beside what its frozen encoder can do. */
import { type FrozenAccuracy, frozenAccuracies } from "../runs/frozen.js";
import type { RunEvent, RunFile } from "../runs/schema.js";
import { scoresOfRun } from "../runs/summary.js";
import { type Evidence, type Finding, percent, show } from "./finding.js";
import type { Culprit } from "./weights.js";

const limits = {
  /** Standard errors of the difference of two accuracies: so far below is no chance. */
  errors: 3,
  /** Of the run: features may be worse for a while before they are better. */
  share: 0.5,
  /** Pictures that were judged, in runs of earlier versions, which do not say it. */
  queries: 1000,
  /** The usual weight decay is 0.05; what is as strong as this leaves little of the weights. */
  weightDecay: 1,
} as const;

const accuracies = { knn: "k-NN", linear: "linear probe" } as const;

interface Change {
  readonly name: string;
  readonly before: number;
  readonly after: number;
  /** That were judged. */
  readonly pictures: number | undefined;
}

type Probed = Pick<RunFile, "derived"> & Partial<Pick<RunFile, "config">>;

/** Features that classify worse than an untrained encoder's: accuracies below by more than chance, and none above. */
export function belowUntrained(
  events: readonly RunEvent[],
  run: Probed,
  { ended, culprit }: { readonly ended: boolean; readonly culprit: Culprit | undefined },
  evidence: Evidence,
): Finding | undefined {
  const { steps: planned = 0 } = run.derived;
  const since = ended ? 1 : Math.max(1, limits.share * planned);
  const changes = Object.keys(accuracies).flatMap((name) => changeOf(events, name, since) ?? []);
  const asked = logOf(run)?.probe?.queries ?? limits.queries;
  const isFar = ({ before, after, pictures = asked }: Change): boolean =>
    before - after > limits.errors * Math.sqrt((before * (1 - before) + after * (1 - after)) / pictures);
  if (!changes.some(isFar) || changes.some(({ before, after }) => after > before)) return undefined;
  for (const { name, before, after } of changes) evidence[`${name}Gain`] = after - before;
  const told = changes.map(
    ({ name, before, after }) =>
      `${accuracies[name as keyof typeof accuracies]} ${percent(after)}, before training ${percent(before)}`,
  );
  const rank = changeOf(events, "featureRank", since);
  if (rank !== undefined && rank.after < rank.before)
    told.push(`feature rank ${show(rank.after)}, before training ${show(rank.before)}`);
  const headline = `The features became worse than those of an untrained encoder: ${told.join("; ")}.`;
  return { status: "below-untrained", headline, ...causesOf(run, culprit) };
}

function causesOf(run: Probed, culprit: Culprit | undefined): Pick<Finding, "causes" | "suspect"> {
  const causes = [
    "The learning rate may be too high, or the run too short: try a third of the rate, and twice the epochs.",
    "The pictures that are probed may be of another kind than those that are trained on.",
  ];
  const decay = (run.config?.["optim"] as { weightDecay?: number } | undefined)?.weightDecay ?? 0;
  if (culprit !== undefined) return { causes: [culprit.cause, ...causes.slice(1)], suspect: culprit.suspect };
  if (decay < limits.weightDecay) return { causes };
  const cause = `The weight decay of ${show(decay)} leaves little of what is learned: the usual optim.weightDecay is 0.05.`;
  return { causes: [cause, ...causes], suspect: "weight-decay" };
}

/** A probe at step 0 and its last value, from step `since` on. */
function changeOf(events: readonly RunEvent[], name: string, since: number): Change | undefined {
  const found = events.filter((event) => event.type === "probe").filter((probe) => probe.name === name);
  const [before, after] = [found.find(({ step }) => step === 0), found.findLast(({ step }) => step >= since)];
  if (before === undefined || after === undefined) return undefined;
  return { name, before: before.value, after: after.value, pictures: after.pictures };
}

function logOf({ config }: Probed): { readonly probe?: { readonly queries?: number } } | undefined {
  return config?.["log"] as { probe?: { queries?: number } } | undefined;
}

/** A classifier whose accuracy is below that of k-NN or the linear probe on the encoder that it began with. */
export interface BelowFrozen {
  /** A fault where no chance explains it; else what has to be said beside what is found otherwise. */
  readonly isSure: boolean;
  readonly finding: Finding;
}

/** Undefined while a run under way has not come to half of its steps. */
export function belowFrozen(
  events: readonly RunEvent[],
  run: Probed,
  ended: boolean,
  evidence: Evidence,
): BelowFrozen | undefined {
  const frozen = frozenAccuracies(events);
  const scored = scoresOfRun(events).at(-1);
  for (const { name, value, gain } of frozen) {
    evidence[name] = value;
    if (gain !== undefined) evidence[`over${name[0]?.toUpperCase()}${name.slice(1)}`] = gain.value;
  }
  if (scored === undefined || (!ended && scored.step < limits.share * (run.derived["steps"] ?? 0))) return undefined;
  const lower = frozen.filter(({ gain }) => gain !== undefined && gain.value < 0);
  const sure = lower.filter(({ gain }) => (gain?.interval[1] ?? 0) < 0);
  if (lower.length === 0) return undefined;
  const top1 = accuracyText(scored.scores["top1"] ?? Number.NaN, scored.interval);
  const told = (sure.length > 0 ? sure : lower).map((one) => `${belowText(one)}`);
  const how = sure.length > 0 ? "is below its own frozen features" : "is not above its own frozen features";
  const headline = `The classifier ${how}: its top-1 is ${top1}, ${told.join("; ")}.`;
  const finding: Finding = { status: "below-frozen", headline, causes: frozenCauses(run) };
  return { isSure: sure.length > 0, finding };
}

const frozenWords = { frozenKnn: "20-NN", frozenLinear: "the exact linear probe" } as const;

/** `the exact linear probe has 51.3 % (40.2–62.2), 8.1 points more (1.2 to 15.0)` */
function belowText({ name, value, interval, gain }: FrozenAccuracy): string {
  const [low, high] = gain?.interval ?? [Number.NaN, Number.NaN];
  const points = (share: number): string => (100 * share).toFixed(1).replace("-", "−");
  const chance = high < 0 ? "" : ", which may be chance";
  return `${frozenWords[name]} has ${accuracyText(value, interval)}, ${points(-(gain?.value ?? Number.NaN))} points more${chance} (${points(-high)} to ${points(-low)})`;
}

function accuracyText(value: number, interval: readonly [number, number] | undefined): string {
  const range = interval === undefined ? "" : ` (${interval.map((share) => (100 * share).toFixed(1)).join("–")})`;
  return `${(100 * value).toFixed(1)} %${range}`;
}

/** Steps below which a classifier has hardly been trained. */
const fewSteps = 300;

function frozenCauses({ config, derived }: Probed): string[] {
  const { mixing, erasing, randAugment } = (config?.["augmentation"] ?? {}) as {
    readonly mixing?: { readonly probability?: number };
    readonly erasing?: { readonly probability?: number };
    readonly randAugment?: { readonly operations?: number };
  };
  const off = [
    ...((mixing?.probability ?? 0) > 0 ? ["--augmentation.mixing.probability=0"] : []),
    ...((erasing?.probability ?? 0) > 0 ? ["--augmentation.erasing.probability=0"] : []),
    ...((randAugment?.operations ?? 0) > 0 ? ["--augmentation.randAugment.operations=0"] : []),
  ];
  const blocks = config?.["trainBlocks"];
  const steps = derived["steps"] ?? Number.POSITIVE_INFINITY;
  return [
    "The frozen features classify better as they are: lacuna evaluate linear says how well, lacuna predict with --labels uses them.",
    ...(off.length > 0 ? [`With few labels strong augmentation costs more than it gives: ${off.join(" ")}.`] : []),
    ...(blocks === "all" ? ["Training all blocks can undo what was learned before: --train-blocks 1, or 0.5."] : []),
    ...(steps < fewSteps ? [`${steps} steps are few: more epochs.`] : []),
    "The rate may be too low to get anywhere, or so high that it undoes the encoder: try three times and a third of it.",
  ];
}
