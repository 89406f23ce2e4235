/** From axes and named configurations to points, each with a name that can be a folder's. */
import { createHash } from "node:crypto";
import { ConfigError } from "../errors.js";
import type { Sweep } from "./define.js";

/** One configuration of a sweep: its name, and what it sets over the base. */
export interface SweepPoint {
  /** `maskRatio-0.75`, with a seed `maskRatio-0.75_seed-1`: the name of its folder. */
  readonly id: string;
  /** The same without the seed: points of one group differ in their seed alone. */
  readonly group: string;
  /** The named configuration that it is, if any. */
  readonly name: string | undefined;
  /** What it stands at on each axis. */
  readonly at: Readonly<Record<string, unknown>>;
  /** What is set over the base configuration, by dotted keys. */
  readonly settings: readonly { readonly path: string; readonly value: unknown }[];
}

/** The axis whose values are averaged over. */
export const seedAxis = "seed";

/** Every point, in the order of the file. @throws ConfigError where two would share a folder */
export function expand({ axes, points }: Pick<Sweep, "axes" | "points">): SweepPoint[] {
  const named = points === undefined ? [undefined] : Object.keys(points);
  const combinations = combine(Object.entries(axes));
  const names = shortNames(Object.keys(axes));
  const expanded = named.flatMap((name) =>
    combinations.map((at): SweepPoint => {
      const parts = Object.entries(at).map(([path, value]) => ({ path, text: `${names.get(path)}-${plain(value)}` }));
      const join = (chosen: typeof parts): string =>
        [...(name === undefined ? [] : [name]), ...chosen.map(({ text }) => text)].join("_") || "base";
      const settings = Object.entries({ ...(name === undefined ? {} : points?.[name]), ...at });
      return {
        id: join(parts),
        group: join(parts.filter(({ path }) => path !== seedAxis)),
        name,
        at,
        settings: settings.map(([path, value]) => ({ path, value })),
      };
    }),
  );
  checkDistinct(expanded);
  return expanded;
}

function combine(axes: readonly (readonly [string, readonly unknown[]])[]): Record<string, unknown>[] {
  return axes.reduce<Record<string, unknown>[]>(
    (points, [path, values]) => points.flatMap((point) => values.map((value) => ({ ...point, [path]: value }))),
    [{}],
  );
}

/** The last parts of dotted keys, as many as tell them apart. */
export function shortNames(paths: readonly string[]): Map<string, string> {
  const tail = (path: string, parts: number): string => path.split(".").slice(-parts).join(".");
  return new Map(
    paths.map((path) => {
      const others = paths.filter((other) => other !== path);
      let parts = 1;
      while (parts < path.split(".").length && others.some((other) => tail(other, parts) === tail(path, parts)))
        parts++;
      return [path, tail(path, parts)];
    }),
  );
}

/** A value as a part of a file's name; long ones by their hash. */
function plain(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const safe = text.replaceAll(/[^\w.+-]+/g, "-").replace(/^[-.]+|[-.]+$/g, "");
  if (safe.length > 0 && safe.length <= 40) return safe;
  return createHash("sha256").update(text).digest("hex").slice(0, 10);
}

function checkDistinct(points: readonly SweepPoint[]): void {
  const seen = new Set<string>();
  for (const { id, at } of points) {
    if (!seen.has(id.toLowerCase())) {
      seen.add(id.toLowerCase());
      continue;
    }
    throw new ConfigError({
      problem: `two points would both be named ${id}.`,
      code: "equal-points",
      path: Object.keys(at).find((key) => key !== seedAxis) ?? "points",
      expected: "different values",
      actual: id,
      remedy: "Take out the value that stands there twice.",
    });
  }
}
