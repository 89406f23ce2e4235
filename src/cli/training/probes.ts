/** Probes of one step, in words. */

import type { RunFile } from "../../index.js";
import type { ProbeSummary } from "../../public/runs.js";
import { gainWords, percent } from "../words.js";

interface Words {
  readonly label: (k: number | undefined) => string;
  readonly show: (value: number) => string;
}

/** What `featureProbes` measures, in the order in which it is told; anything else under its own name. */
const known: Readonly<Record<string, Words>> = {
  knn: { label: (k) => `${k ?? "k"}-NN`, show: percent },
  linear: { label: () => "linear probe", show: percent },
  featureRank: { label: () => "feature rank", show: (value) => value.toFixed(1) },
  featureStd: { label: () => "spread", show: (value) => value.toFixed(2) },
};

/** Neighbours that vote in a run's k-NN probe, as its configuration says. */
export function probeNeighbours({ config }: Pick<RunFile, "config">): number | undefined {
  return (config["log"] as { probe?: { k?: number } } | undefined)?.probe?.k;
}

/** What a probe is called, and its value: accuracies in percent. @param k neighbours of `knn` */
export function probeWords(name: string, value: number, k?: number): { readonly label: string; readonly text: string } {
  const words = known[name];
  return words === undefined
    ? { label: name, text: `${Number(value.toPrecision(4))}` }
    : { label: words.label(k), text: words.show(value) };
}

/** Names of probes in the order in which they are told. */
export function inProbeOrder(names: Iterable<string>): string[] {
  const all = new Set(names);
  return [...Object.keys(known).filter((name) => all.has(name)), ...[...all].filter((name) => !(name in known))];
}

/** An accuracy with what it is uncertain by, and its mean over the classes: `36.1 % (33.2–39.1), per class 29.0 %`. */
export function accuracyText(
  text: string,
  { interval, meanPerClass }: Pick<ProbeSummary, "interval" | "meanPerClass">,
): string {
  const range = interval === undefined ? "" : ` (${interval.map((share) => (100 * share).toFixed(1)).join("–")})`;
  return `${text}${range}${meanPerClass === undefined ? "" : `, per class ${percent(meanPerClass)}`}`;
}

/** `features at step 234: 20-NN 36.1 % (33.2–39.1), per class 29.0 %; feature rank 41.3; spread 0.62` @param probes of that step */
export function probeText(step: number, probes: readonly ProbeSummary[], k?: number): string {
  const told = inProbeOrder(probes.map(({ name }) => name)).flatMap((name) =>
    probes.flatMap((probe) => {
      if (probe.name !== name) return [];
      const { label, text } = probeWords(name, probe.last, k);
      return [`${label} ${accuracyText(text, probe)}`];
    }),
  );
  return `features ${step === 0 ? "before training" : `at step ${step}`}: ${told.join("; ")}`;
}

/** `20-NN gained 7.9 points (3.6 to 12.1); …`; undefined where nothing can be compared with before training. */
export function gainsText(probes: readonly ProbeSummary[], k?: number): string | undefined {
  const told = probes.flatMap(({ name, gain }) =>
    gain === undefined ? [] : [`${probeWords(name, 0, k).label} ${gainWords(gain)}`],
  );
  return told.length === 0 ? undefined : told.join("; ");
}
