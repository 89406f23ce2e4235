/** What the probes say of the features beside those that the encoder had before training. */
import type { RunEvent, RunFile } from "../runs/schema.js";
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
