/**
 * The order in which points are run, so that what is known after some of them is worth most:
 *
 * 1. all points with the first seed, then those with the second, and so on;
 * 2. on each axis of numbers first both ends, then the value nearest to the middle between them, then the middles of what
 *    is left: a curve shows its shape early. On several axes a point comes when its latest axis does;
 * 3. among equals the cheapest first, by the multiply-adds of its training.
 */
import type { Sweep } from "./define.js";
import { type SweepPoint, seedAxis } from "./points.js";

export interface Costed {
  readonly point: SweepPoint;
  /** Multiply-adds of the whole training, or anything proportional to it. */
  readonly cost: number;
}

/** Sorted by the rule above; the input is not changed. */
export function inOrder<P extends Costed>(points: readonly P[], axes: Sweep["axes"]): P[] {
  const levels = new Map(Object.entries(axes).map(([path, values]) => [path, levelsOf(path, values)]));
  const rounds = points.map((costed, index) => ({ costed, index, ...roundOf(costed.point, levels) }));
  return rounds
    .toSorted((a, b) => a.seed - b.seed || a.level - b.level || a.costed.cost - b.costed.cost || a.index - b.index)
    .map(({ costed }) => costed);
}

type Levels = ReadonlyMap<unknown, number>;

function roundOf({ at }: SweepPoint, levels: ReadonlyMap<string, Levels>): { seed: number; level: number } {
  const level = (path: string): number => levels.get(path)?.get(at[path]) ?? 0;
  const others = Object.keys(at).filter((path) => path !== seedAxis);
  return { seed: level(seedAxis), level: others.reduce((most, path) => Math.max(most, level(path)), 0) };
}

function levelsOf(path: string, values: readonly unknown[]): Levels {
  if (path === seedAxis) return new Map(values.map((seed, index) => [seed, index]));
  if (!values.every((value) => typeof value === "number")) return new Map();
  return bisection(values);
}

/** Ends are 0, the value nearest to the middle between them 1, the middles of both halves 2, and so on. */
export function bisection(values: readonly number[]): Map<number, number> {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const levels = new Map<number, number>();
  const halve = (low: number, high: number, level: number): void => {
    if (high - low < 2) return;
    const middle = ((sorted[low] as number) + (sorted[high] as number)) / 2;
    const inner = Array.from({ length: high - low - 1 }, (_, i) => low + 1 + i);
    const apart = (index: number): number => Math.abs((sorted[index] as number) - middle);
    const nearest = inner.reduce((a, b) => (apart(b) < apart(a) - 1e-12 ? b : a));
    levels.set(sorted[nearest] as number, level);
    halve(low, nearest, level + 1);
    halve(nearest, high, level + 1);
  };
  for (const end of [sorted[0], sorted.at(-1)]) if (end !== undefined) levels.set(end, 0);
  halve(0, sorted.length - 1, 1);
  return levels;
}
