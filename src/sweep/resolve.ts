/** From a sweep to checked points: every configuration is complete and valid before anything is trained. */
import { checked } from "../checked.js";
import { type Setting, withSettings } from "../keys.js";
import { parseConfig, type RunConfig, type RunConfigInput } from "../train/config.js";
import { type Sweep, type SweepInput, sweepSchema } from "./define.js";
import { expand, type SweepPoint } from "./points.js";

/** A point with its whole configuration, checked. */
export interface ResolvedPoint {
  readonly point: SweepPoint;
  readonly config: RunConfig;
}

/** A sweep whose points are all checked. */
export interface ResolvedSweep {
  readonly sweep: Sweep;
  /** In the order in which the sweep names them. */
  readonly points: readonly ResolvedPoint[];
}

/** A sweep's points with their whole configurations. @throws ConfigError naming the point */
export async function resolveSweep(input: SweepInput): Promise<ResolvedSweep> {
  const sweep = checked(sweepSchema, input);
  const points = await resolvePoints(sweep, [], (config) => parseConfig(config as unknown as RunConfigInput));
  return { sweep, points };
}

/**
 * Makes the configuration of every point.
 * @param settings laid over the base of all points
 * @param check makes a configuration whole
 * @throws what `check` throws, with the point's name added
 */
export async function resolvePoints(
  sweep: Sweep,
  settings: readonly Setting[],
  check: (config: Record<string, unknown>) => RunConfig | Promise<RunConfig>,
): Promise<ResolvedPoint[]> {
  const base = withSettings(sweep.base, settings);
  const points: ResolvedPoint[] = [];
  for (const point of expand(sweep)) {
    try {
      points.push({ point, config: await check(withSettings(base, point.settings)) });
    } catch (error) {
      if (error instanceof Error) error.message = `${error.message} (point ${point.id})`;
      throw error;
    }
  }
  return points;
}
