/** From a sweep file to checked points: every configuration is complete and valid before anything is trained. */
import { basename, extname } from "node:path";
import type { Setting } from "../../keys.js";
import type { ResolvedPoint, ResolvedSweep, Sweep } from "../../public/sweep.js";
import { finetuneConfigKeys } from "../config/finetuning.js";
import { onlyOperand, parseFlags } from "../config/flags.js";
import type { ConfigKey } from "../config/keys.js";
import { nearest } from "../config/nearest.js";
import { isRecipe, loadRecipe } from "../config/recipe.js";
import { checkConfig, refuseUnknown, runConfigKeys } from "../config/resolve.js";
import { UsageError } from "../errors.js";

export interface LoadedSweep extends ResolvedSweep {
  /** Of the file: the folder's default name. */
  readonly name: string;
}

/**
 * Loads a sweep file; flags such as `--epochs=2` are laid over its base configuration.
 * @param options the command's own options, for suggestions
 * @throws UsageError, ConfigError, naming the point
 */
export async function loadSweep(tokens: readonly string[], options: readonly string[]): Promise<LoadedSweep> {
  const keys = await runConfigKeys();
  const { operands, settings } = parseFlags(tokens, keys, options);
  const example = "lacuna sweep recipes/sweeps/mae-mask-ratio-cifar10.ts";
  const file = onlyOperand(operands, { expected: "one sweep file (.ts or .json)", example, accepts: isRecipe });
  return sweepOf(await loadRecipe(file), file, settings, keys);
}

/** A sweep as it is written, checked. @param file names it in errors, and its folder */
export async function sweepOf(
  written: Record<string, unknown>,
  file: string,
  settings: readonly Setting[],
  keys: readonly ConfigKey[],
): Promise<LoadedSweep> {
  const sweep = await parseSweep(written, file, keys);
  return { name: basename(file, extname(file)), sweep, points: await pointsOf(sweep, settings, keys) };
}

async function parseSweep(written: Record<string, unknown>, file: string, keys: readonly ConfigKey[]): Promise<Sweep> {
  const { sweepSchema } = await import("../../public/sweep.js");
  const result = sweepSchema.safeParse(written);
  if (!result.success) {
    const { issues } = result.error;
    throw sweepError(issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0], file, written);
  }
  const { axes, points = {} } = result.data;
  for (const key of Object.keys(axes)) checkKey(key, `axes of ${file}`, keys);
  for (const [name, settings] of Object.entries(points))
    for (const key of Object.keys(settings)) checkKey(key, `points.${name} of ${file}`, keys);
  await checkFinetuning(result.data, file);
  const { reference } = result.data;
  if (reference?.axis !== undefined && !(reference.axis in axes)) {
    const near = nearest(reference.axis, Object.keys(axes));
    throw new UsageError({
      code: "reference-axis",
      path: `reference.axis of ${file}`,
      expected: Object.keys(axes).join(" or ") || "no axis, since the sweep has none",
      actual: JSON.stringify(reference.axis),
      ...(near === undefined ? {} : { remedy: `Did you mean ${near}?` }),
    });
  }
  return result.data;
}

/** As far as it can be known before there is an encoder. */
async function checkFinetuning({ evaluate }: Sweep, file: string): Promise<void> {
  if (evaluate.finetune === undefined) return;
  const { parseFinetune } = await import("../../public/train.js");
  const { finetuningConfig } = await import("../../public/sweep.js");
  const config = finetuningConfig(evaluate, "a point");
  try {
    refuseUnknown(config as unknown as Record<string, unknown>, await finetuneConfigKeys(), "finetune");
    parseFinetune(config);
  } catch (error) {
    if (error instanceof Error) error.message = `${error.message} (evaluate.finetune of ${file})`;
    throw error;
  }
}

interface Issue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

/** Keys at the top and of its parts, for suggestions. */
const known: Readonly<Record<string, readonly string[]>> = {
  "": ["title", "base", "axes", "points", "evaluate", "order", "reference"],
  evaluate: ["train", "test", "limit", "knn", "linear", "finetune", "baselines"],
  reference: ["source", "setting", "axis", "measures"],
  "reference.measures": ["knn", "linear", "finetune"],
};

function sweepError(issue: Issue | undefined, file: string, written: Record<string, unknown>): UsageError {
  const path = issue?.path.join(".") ?? "";
  const unknown = issue?.keys?.[0];
  const near = unknown === undefined ? undefined : nearest(unknown, known[path] ?? []);
  const isRun = "model" in written || "data" in written;
  const remedy = near === undefined ? "See docs/guide/sweeps.md." : `Did you mean ${near}?`;
  return new UsageError({
    code: "sweep",
    path: path === "" ? file : `${path} of ${file}`,
    expected: unknown === undefined ? "a sweep" : "a key of a sweep",
    actual: unknown === undefined ? (issue?.message ?? "something else") : `"${unknown}", which is none`,
    remedy: isRun ? "This is a recipe: train it with lacuna pretrain, or make it the base of a sweep." : remedy,
  });
}

/** An inner node (`method`) may be set as a whole; its own keys are checked with the configuration. */
function checkKey(key: string, path: string, keys: readonly ConfigKey[]): void {
  if (keys.some((one) => one.path === key || one.path.startsWith(`${key}.`))) return;
  const near = nearest(
    key,
    keys.map((one) => one.path),
  );
  throw new UsageError({
    code: "unknown-key",
    path,
    expected: "keys of the configuration",
    actual: `"${key}", which is none`,
    remedy: near === undefined ? "See: lacuna pretrain --help-config" : `Did you mean ${near}?`,
  });
}

async function pointsOf(
  sweep: Sweep,
  flags: readonly Setting[],
  keys: readonly ConfigKey[],
): Promise<readonly ResolvedPoint[]> {
  const { resolvePoints } = await import("../../public/sweep.js");
  for (const { path } of flags) {
    if (!(path in sweep.axes)) continue;
    throw new UsageError({
      code: "axis-flag",
      path: `--${path}`,
      expected: "a key that the sweep does not vary",
      actual: `one of its axes (${sweep.axes[path]?.length} values)`,
      remedy: "Change the axis in the file, or leave the flag out.",
    });
  }
  return resolvePoints(sweep, flags, (config) => checkConfig(config, keys));
}
