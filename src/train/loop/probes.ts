/** Looks at the features of a run under way, handed in by the caller: training knows no evaluation. */
import type { Source } from "../../data/source.js";
import type { Method } from "../../methods/method.js";
import type { LoopConfig, Precision } from "./task.js";

/** A measurement of the features while training; it draws no random numbers of the run. */
export interface Probe {
  /** Absent: before the first step alone. */
  readonly everyEpochs?: number;
  /** Also before the first step of a new run. */
  readonly atStart?: boolean;
  /** What has to be kept in mind of its numbers: told at the start of a new run. */
  readonly warnings?: readonly { readonly code: string; readonly message: string }[];
  run(method: Method, at: { step: number }): AsyncIterable<Probed>;
}

/** What a probe measured; of an accuracy also on how many pictures, its mean over the classes, and which pictures were right. */
export type Probed = readonly [
  name: string,
  value: number,
  accuracy?: { readonly pictures: number; readonly meanPerClass: number; readonly right?: string },
];

/** What a run's probes may know of it. */
export interface ProbeSetting {
  readonly config: LoopConfig;
  readonly precision: Precision;
  readonly source: Source;
  readonly heldOut: Source | undefined;
}

/** Probes, or what makes them once data and model are open: `featureProbes` for those that `log` asks for. */
export type Probes = readonly Probe[] | ((setting: ProbeSetting) => Promise<readonly Probe[]>);

export async function openProbes(probes: Probes, setting: ProbeSetting): Promise<readonly Probe[]> {
  return typeof probes === "function" ? probes(setting) : probes;
}
