/** Looks at the features of a run under way, handed in by the caller: training knows no evaluation. */
import type { Source } from "../../data/source.js";
import type { Method } from "../../methods/method.js";
import type { RunConfig } from "../config.js";
import type { LoopConfig, Precision } from "./task.js";

/** A measurement of the features while training; it draws no random numbers of the run. */
export interface Probe {
  readonly everyEpochs: number;
  /** Also before the first step of a new run. */
  readonly atStart?: boolean;
  /** What has to be kept in mind of its numbers: told at the start of a new run. */
  readonly warnings?: readonly { readonly code: string; readonly message: string }[];
  run(method: Method, at: { step: number }): AsyncIterable<Probed>;
}

/** What a probe measured; of an accuracy also on how many pictures, and its mean over the classes. */
export type Probed = readonly [
  name: string,
  value: number,
  accuracy?: { readonly pictures: number; readonly meanPerClass: number },
];

/** What a run's probes may know of it. */
export interface ProbeSetting {
  readonly config: LoopConfig & { readonly log: Pick<RunConfig["log"], "probe"> };
  readonly precision: Precision;
  readonly source: Source;
  readonly heldOut: Source | undefined;
}

/** Probes, or what makes them once data and model are open: `featureProbes` for those of `log.probe`. */
export type Probes = readonly Probe[] | ((setting: ProbeSetting) => Promise<readonly Probe[]>);

interface Opening extends Omit<ProbeSetting, "config"> {
  readonly config: LoopConfig;
}

/** What is made for `log.probe` is made for runs that have one. */
export async function openProbes(probes: Probes, { config, ...rest }: Opening): Promise<readonly Probe[]> {
  if (typeof probes !== "function") return probes;
  const { probe } = config.log;
  return probe === undefined ? [] : probes({ ...rest, config: { ...config, log: { ...config.log, probe } } });
}
