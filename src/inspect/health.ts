/** What a method says of its own runs, held against what they logged. */
import type { RunEvent, RunHealth } from "../runs/schema.js";
import { type Evidence, type Finding, lastProbe, show } from "./finding.js";
import type { Culprit } from "./weights.js";

type Signal = RunHealth["signals"][number];

const limits = {
  /** Steps after the warm-up before signals count: what is random at first has no time to be anything else. */
  settledSteps: 100,
  /** Steps whose mean stands for a part of the loss: single batches are noisy. */
  recentSteps: 20,
  /** So many of them in a row tell a slow start from a collapse: what comes back comes back in each. */
  stretches: 4,
  /** Share of the way to the limit that one of them goes at least. */
  nearer: 0.02,
} as const;

/** A signal and its value now. */
export interface Reading {
  readonly signal: Signal;
  readonly value: number;
  /** Whether it has been coming nearer to its limit all through the last steps, as that of a slow start does. */
  readonly recovers: boolean;
}

/** The signals with a limit that were logged after the warm-up, each with its latest value. */
export function readSignals(events: readonly RunEvent[], health: RunHealth | undefined, warmup: number): Reading[] {
  const since = warmup + limits.settledSteps;
  return (health?.signals ?? []).flatMap((signal) => {
    if (signal.below === undefined && signal.above === undefined) return [];
    const value = partOf(events, signal.name, since) ?? lastProbe(events, signal.name, since);
    if (value === undefined || !Number.isFinite(value)) return [];
    return [{ signal, value, recovers: recovers(events, signal) }];
  });
}

/** Nearer to the limit in each of the last stretches of steps than in the one before, by more than noise. */
function recovers(events: readonly RunEvent[], { name, below, above }: Signal): boolean {
  const { recentSteps, stretches, nearer } = limits;
  const values = events.flatMap((event) => (event.type === "step" ? (event.parts?.[name] ?? []) : []));
  if (values.length < stretches * recentSteps) return false;
  const last = values.slice(-stretches * recentSteps);
  const beyond = Array.from({ length: stretches }, (_, i) => {
    const value = mean(last.slice(i * recentSteps, (i + 1) * recentSteps));
    return Math.max((below ?? value) - value, value - (above ?? value));
  });
  return beyond.every((far, i) => i === 0 || far < (beyond[i - 1] ?? 0) * (1 - nearer));
}

/** A part of the loss: in training the mean of the last steps; `heldOut.<name>` the last one on held-out pictures. */
function partOf(events: readonly RunEvent[], name: string, since: number): number | undefined {
  const [, heldOut] = /^heldOut\.(.+)$/.exec(name) ?? [];
  if (heldOut !== undefined) {
    const last = events.findLast((event) => event.type === "heldOut" && event.step >= since);
    return last?.type === "heldOut" ? last.parts?.[heldOut] : undefined;
  }
  const steps = events.filter((event) => event.type === "step").slice(-limits.recentSteps);
  const values = steps.flatMap(({ step, parts }) => (step < since ? [] : (parts?.[name] ?? [])));
  if (values.length < limits.recentSteps) return undefined;
  return mean(values);
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** The first signal beyond its limit. */
export function unhealthy(
  readings: readonly Reading[],
  culprit: Culprit | undefined,
  evidence: Evidence,
): Finding | undefined {
  for (const { signal, value } of readings) evidence[signal.name] = value;
  const sick = readings.find(
    ({ signal: { below, above }, value }) =>
      (below !== undefined && value <= below) || (above !== undefined && value >= above),
  );
  if (sick === undefined) return undefined;
  if (sick.recovers && culprit === undefined) return slowStart(sick);
  const { finding, causes } = sick.signal;
  const headline = `The run is not well: ${finding[0]?.toLowerCase()}${finding.slice(1)}`;
  if (culprit === undefined) return { status: "unhealthy", headline, causes };
  return { status: "unhealthy", headline, causes: [culprit.cause, ...causes], suspect: culprit.suspect };
}

function slowStart({ signal: { what }, value }: Reading): Finding {
  const headline = `It is too early to tell: ${what} is ${show(value)}, which alone would be a collapse, but is recovering.`;
  return { status: "too-early", headline, causes: [] };
}

/** Of a run whose loss says little. */
export function healthySignals(readings: readonly Reading[]): Finding {
  if (readings.length === 0) {
    const headline = "Nothing speaks against the run; its loss alone does not say whether it learns.";
    return { status: "normal", headline, causes: [] };
  }
  const told = readings.map(({ signal, value }) => `${signal.what} ${show(value)}`);
  return { status: "normal", headline: `The run looks normal: ${told.join("; ")}.`, causes: [] };
}
