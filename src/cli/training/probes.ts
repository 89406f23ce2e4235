/** Probes of one step, in words. */
import type { RunFile } from "../../index.js";
import { percent } from "../words.js";

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

/** `features at step 234: 20-NN 36.1 %, linear probe 44.0 %, feature rank 41.3, spread 0.62` */
export function probeText(step: number, values: ReadonlyMap<string, number>, k?: number): string {
  const told = inProbeOrder(values.keys()).flatMap((name) => {
    const value = values.get(name);
    if (value === undefined) return [];
    const { label, text } = probeWords(name, value, k);
    return [`${label} ${text}`];
  });
  return `features ${step === 0 ? "before training" : `at step ${step}`}: ${told.join(", ")}`;
}
