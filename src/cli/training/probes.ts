/** Probes of one step, in words. */
import { percent } from "../words.js";

/** What `featureProbes` measures, in the order in which it is told; anything else under its own name. */
const known: Readonly<Record<string, (value: number, k: number | undefined) => string>> = {
  knn: (value, k) => `${k ?? "k"}-NN ${percent(value)}`,
  linear: (value) => `linear probe ${percent(value)}`,
  featureRank: (value) => `feature rank ${value.toFixed(1)}`,
  featureStd: (value) => `spread ${value.toFixed(2)}`,
};

/** `features at step 234: 20-NN 36.1 %, linear probe 44.0 %, feature rank 41.3, spread 0.62` */
export function probeText(step: number, values: ReadonlyMap<string, number>, k?: number): string {
  const told = Object.entries(known).flatMap(([name, show]) => {
    const value = values.get(name);
    return value === undefined ? [] : [show(value, k)];
  });
  const others = [...values].flatMap(([name, value]) =>
    name in known ? [] : [`${name} ${Number(value.toPrecision(4))}`],
  );
  return `features ${step === 0 ? "before training" : `at step ${step}`}: ${[...told, ...others].join(", ")}`;
}
