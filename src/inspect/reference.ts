/** Recorded runs that ship with the recipes, and how a run compares with the nearest of them. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { RunEvent, RunFile } from "../runs/schema.js";
import { median } from "../runs/summary.js";
import { percent, show } from "./finding.js";

/** One point of a curve: the lowest, the mean and the highest of the recorded runs over the steps up to `step`. */
export type Band = readonly [step: number, low: number, mean: number, high: number];

/** What of a configuration decides how its curves look. */
export interface Traits {
  readonly method: string;
  readonly targets: string;
  readonly data: string;
  readonly pictures: number;
  readonly imageSize: number;
  readonly patchSize: number;
  readonly width: number;
  readonly depth: number;
  readonly batch: number;
  readonly maskRatio: number;
  readonly augmentation: string;
  readonly optimizer: string;
  readonly learningRate: number;
  readonly steps: number;
}

/** A file of recipes/references; `node bench/make-reference.mjs` makes them from records. */
export interface Reference {
  readonly name: string;
  readonly recipe: string;
  readonly records: readonly string[];
  readonly traits: Traits;
  /** What else of model, method and optimiser was set, flat: `method.decoder.depth`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** By `log.probe` of the run that was probed. */
  readonly probe?: { readonly bank: number; readonly queries: number; readonly k: number } | undefined;
  /** loss, gradNorm, featureRank, featureStd, knn, linear */
  readonly curves: Readonly<Record<string, readonly Band[]>>;
}

export type Nearness = "same" | "near";

/** How a run stands beside a reference. */
export interface Comparison {
  readonly name: string;
  readonly nearness: Nearness;
  /** In what the configurations differ: `batch 128 instead of 256`. */
  readonly differences: readonly string[];
  /** The run over the reference, minus 1, in the last quarter of the steps that both have; and where they have them. */
  readonly loss?: number;
  /** How far the loss fell in the latter half of these steps over how far the reference's did. */
  readonly slope?: number;
  readonly gradNorm?: number;
  readonly featureRank?: number;
  /** In points of accuracy, 0.01 is one of a hundred. */
  readonly knn?: number;
  /** In words, what lies outside; empty where all is as recorded. */
  readonly off: readonly string[];
}

/** When a run with the same configuration is told to be off; from the spread of seeds: records/2026-11-25-verdict. */
const limits = {
  /** Single seeds lie up to 4.3 % from the mean of others where the loss falls fastest, and 2 % at the end. */
  loss: 0.06,
  /** Single seeds: 0.61 to 1.17. */
  slope: 0.3,
  /** A factor. */
  gradNorm: 2,
  featureRank: 2,
  knn: 0.05,
  /** Below this distance a reference is near. */
  near: 2,
  /** Losses of the first steps depend on little but the initial weights. */
  firstStep: 100,
} as const;

/** The references of this package. */
export function loadReferences(): Reference[] {
  const folder = fileURLToPath(new URL("../../recipes/references/", import.meta.url));
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => JSON.parse(readFileSync(folder + name, "utf8")) as Reference);
}

type Described = Partial<Pick<RunFile, "config" | "data">> & Pick<RunFile, "derived">;

/** Undefined for a run that says too little of itself, or is no pre-training. */
export function traitsOf({ config, data, derived }: Described): Traits | undefined {
  const part = (name: string): Record<string, unknown> => (config?.[name] ?? {}) as Record<string, unknown>;
  const [model, method, input, optim] = [part("model"), part("method"), part("data"), part("optim")];
  if (typeof method["name"] !== "string") return undefined;
  const side = (value: unknown): number => Number((Array.isArray(value) ? value[0] : value) ?? 0);
  const source = (input["source"] ?? {}) as { kind?: string };
  return {
    method: method["name"],
    targets: targetsOf(method),
    data: source.kind ?? "?",
    pictures: data?.size ?? 0,
    imageSize: side(input["imageSize"]),
    patchSize: side(model["patchSize"]),
    width: Number(model["width"] ?? 0),
    depth: Number(model["depth"] ?? 0),
    batch: derived["effectiveBatch"] ?? 0,
    maskRatio: Number(method["maskRatio"] ?? 0),
    augmentation: String(method["augmentation"] ?? ""),
    optimizer: String(optim["name"] ?? ""),
    learningRate: derived["learningRate"] ?? 0,
    steps: derived["steps"] ?? 0,
  };
}

function targetsOf(method: Record<string, unknown>): string {
  const target = method["target"] ?? "pixels";
  return target === "pixels" && method["normalizeTargets"] !== false ? "normalised pixels" : String(target);
}

/** The nearest reference of the same method and targets, and how far it is: 0 for the same configuration. */
export function nearestReference(
  references: readonly Reference[],
  run: Described,
): { reference: Reference; distance: number; differences: string[] } | undefined {
  const own = traitsOf(run);
  if (own === undefined) return undefined;
  const settings = settingsOf(run);
  const all = references
    .filter(({ traits }) => traits.method === own.method)
    .map((reference) => ({ reference, ...distanceTo({ traits: own, settings }, reference) }));
  const [nearest] = all.sort((a, b) => a.distance - b.distance);
  return nearest === undefined || nearest.distance > limits.near ? undefined : nearest;
}

/** What a doubling, or another word, is worth. */
const weights: Readonly<Record<keyof Traits, number>> = {
  method: Number.POSITIVE_INFINITY,
  targets: Number.POSITIVE_INFINITY,
  data: Number.POSITIVE_INFINITY,
  pictures: 0.5,
  imageSize: 2,
  patchSize: 2,
  width: 0.5,
  depth: 0.5,
  batch: 0.5,
  maskRatio: 2,
  augmentation: 0.5,
  optimizer: 2,
  learningRate: 0.5,
  steps: 0.5,
};

/** Any other setting that is not as it was. */
const otherSetting = 0.25;

type Known = Pick<Reference, "traits" | "settings">;

function distanceTo(own: Known, other: Known): { distance: number; differences: string[] } {
  let distance = 0;
  const differences: string[] = [];
  for (const key of Object.keys(weights) as (keyof Traits)[]) {
    const [a, b] = [own.traits[key], other.traits[key]];
    const apart = typeof a === "number" && typeof b === "number" ? Math.abs(Math.log2((a + 1e-9) / (b + 1e-9))) : 1;
    if (a === b || apart < 1e-6) continue;
    distance += weights[key] * apart;
    differences.push(`${key} ${a} instead of ${b}`);
  }
  // A setting that one of the two does not know came or went with a version; its default was what there was before.
  for (const [key, value] of Object.entries(other.settings)) {
    if (own.settings[key] === undefined || own.settings[key] === value) continue;
    distance += otherSetting;
    differences.push(`${key} ${String(own.settings[key])} instead of ${String(value)}`);
  }
  return { distance, differences };
}

/** Everything of model, method and optimiser, and the normalisation; without what the traits say. */
export function settingsOf({ config }: Described): Record<string, unknown> {
  const said = /\.(name|size|width|depth|patchSize|maskRatio|augmentation|normalizeTargets|target|baseLearningRate)$/;
  const flat: Record<string, unknown> = {};
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) flat[path] = String(value);
    else for (const [key, below] of Object.entries(value)) walk(below, `${path}.${key}`);
  };
  for (const part of ["model", "method", "optim"]) walk(config?.[part] ?? {}, part);
  for (const key of ["mean", "std"])
    walk((config?.["data"] as Record<string, unknown> | undefined)?.[key], `data.${key}`);
  return Object.fromEntries(
    Object.entries(flat).filter(
      ([path, value]) => value !== "undefined" && (!said.test(path) || path.includes("decoder")),
    ),
  );
}

/** Undefined where no reference is near, or nothing can be compared yet. */
export function compareWith(
  references: readonly Reference[],
  events: readonly RunEvent[],
  run: Described,
): Comparison | undefined {
  const near = nearestReference(references, run);
  if (near === undefined) return undefined;
  const { reference, differences } = near;
  const numbers = measure(reference, events, run);
  const nearness = near.distance < 1e-6 ? "same" : "near";
  return { name: reference.name, nearness, differences, ...numbers, off: outside(numbers) };
}

type Numbers = Pick<Comparison, "loss" | "slope" | "gradNorm" | "featureRank" | "knn">;

function measure({ curves, probe }: Reference, events: readonly RunEvent[], run: Described): Numbers {
  const steps = events.filter((event) => event.type === "step");
  const losses = paired(
    curves["loss"],
    steps.map(({ step, loss }) => [step, loss]),
  );
  const norms = paired(
    curves["gradNorm"],
    steps.map(({ step, gradNorm }) => [step, gradNorm ?? Number.NaN]),
  );
  const [rank, near] = [lastOf(curves["featureRank"], events, "featureRank"), lastOf(curves["knn"], events, "knn")];
  const asked = (run.config?.["log"] as { probe?: Reference["probe"] } | undefined)?.probe;
  const alike = probe !== undefined && (["bank", "queries", "k"] as const).every((key) => probe[key] === asked?.[key]);
  const tail = losses.slice(-Math.max(1, Math.floor(losses.length / 4)));
  const slope = slopeOf(losses);
  return {
    ...(tail.length > 0 && losses.length > 0 ? { loss: mean(tail.map(([own, other]) => own / other)) - 1 } : {}),
    ...(slope === undefined ? {} : { slope }),
    ...(norms.length > 0
      ? { gradNorm: median(norms.slice(-Math.ceil(norms.length / 2)).map(([a, b]) => a / b)) - 1 }
      : {}),
    ...(rank === undefined || !alike ? {} : { featureRank: rank[0] / rank[1] - 1 }),
    ...(near === undefined || !alike ? {} : { knn: near[0] - near[1] }),
  };
}

/** Means of a run over the reference's windows, beside the reference's, from where curves say something. */
function paired(bands: readonly Band[] = [], points: readonly (readonly number[])[]): [own: number, other: number][] {
  let before = 0;
  return bands.flatMap(([step, , level]): [number, number][] => {
    const inside = points.flatMap(([at = 0, value = Number.NaN]) => (at > before && at <= step ? [value] : []));
    const whole = inside.length === step - before;
    before = step;
    return whole && step > limits.firstStep && inside.every(Number.isFinite) ? [[mean(inside), level]] : [];
  });
}

/** A probe's last value beside the reference's on a straight line between its own probes; none before `firstStep`. */
function lastOf(bands: readonly Band[] = [], events: readonly RunEvent[], name: string): [number, number] | undefined {
  const last = events.filter((event) => event.type === "probe").findLast((probe) => probe.name === name);
  const after = bands.findIndex(([step]) => last !== undefined && step >= last.step);
  const [right, left] = [bands[after], bands[after - 1] ?? bands[after]];
  if (last === undefined || right === undefined || left === undefined || last.step < limits.firstStep) return undefined;
  const share = right[0] === left[0] ? 1 : (last.step - left[0]) / (right[0] - left[0]);
  return [last.value, left[2] + share * (right[2] - left[2])];
}

/** Undefined where the reference itself hardly falls. */
function slopeOf(losses: readonly (readonly [number, number])[]): number | undefined {
  const half = losses.slice(losses.length >> 1);
  const [first, last] = [half[0], half.at(-1)];
  if (first === undefined || last === undefined || half.length < 3) return undefined;
  const [own, other] = [first[0] - last[0], first[1] - last[1]];
  return other < 0.01 * first[1] ? undefined : own / other;
}

function outside({ loss = 0, slope = 1, gradNorm = 0, featureRank = 0, knn = 0 }: Numbers): string[] {
  const side = (value: number): string => (value > 0 ? "above" : "below");
  const off: string[] = [];
  if (Math.abs(loss) > limits.loss) off.push(`its loss is ${percent(Math.abs(loss))} ${side(loss)}`);
  if (slope < limits.slope) off.push(`its loss falls ${show(slope)} times as fast`);
  if (Math.abs(Math.log(1 + gradNorm)) > Math.log(limits.gradNorm))
    off.push(`its gradient norm is ${show(1 + gradNorm)} times as large`);
  if (1 + featureRank < 1 / limits.featureRank) off.push(`its features have ${show(1 + featureRank)} times the rank`);
  if (knn < -limits.knn) off.push(`its k-NN accuracy is ${show(-100 * knn)} points below`);
  return off;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
