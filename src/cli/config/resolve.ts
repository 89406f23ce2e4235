/** From what was typed to a checked configuration: defaults or recipe, then flags. */
import { basename, extname } from "node:path";
import type { RunConfig, RunConfigInput } from "../../index.js";
import { type Setting, withSettings } from "../../keys.js";
import type { ForeignHints } from "../../public/models.js";
import type { Defaults } from "../../public/plan.js";
import { UsageError } from "../errors.js";
import { type Flags, onlyOperand, parseFlags } from "./flags.js";
import { hintSettings } from "./foreign.js";
import { type ConfigKey, configKeys, type JsonSchema } from "./keys.js";
import { checkLength } from "./minutes.js";
import { nearest } from "./nearest.js";
import { loadedPlugins, loadPlugins } from "./plugins.js";
import { isRecipe, loadRecipe } from "./recipe.js";
import { parseSource, sourceName } from "./sources.js";

export interface ResolvedRun {
  /** For the run folder. */
  readonly name: string;
  readonly config: RunConfig;
  /** Where the configuration was chosen from pictures. */
  readonly defaults: Defaults | undefined;
}

/** The flat keys of the configuration's schema. */
export async function runConfigKeys(): Promise<ConfigKey[]> {
  const [{ currentRunConfig }, { z }] = await Promise.all([import("../../public/train.js"), import("zod")]);
  return configKeys(z.toJSONSchema(currentRunConfig(), { io: "input" }) as JsonSchema);
}

/**
 * Resolves the operand and the flags of pretrain and plan.
 * @param options the command's own options, for suggestions
 * @param minutes how long the run is to take, where that was said
 * @param hints on the file of `--init`
 * @throws UsageError, ConfigError
 */
export async function resolveRun(
  tokens: readonly string[],
  options: readonly string[],
  minutes?: number,
  hints: ForeignHints = {},
): Promise<ResolvedRun> {
  const keys = await runConfigKeys();
  const { operands, settings: flags }: Flags = parseFlags(tokens, keys, options);
  const settings = [...hintSettings(hints, "initHints"), ...flags];
  checkLength(minutes, settings);
  const kind = { expected: "one folder of pictures or one recipe", example: "lacuna pretrain photos" };
  const what = onlyOperand(operands, kind);
  if (isRecipe(what)) {
    const written = await loadRecipe(what);
    await loadPlugins(pluginsIn(written), []);
    const keys = await runConfigKeys(); // with those of the plugins
    return {
      name: basename(what, extname(what)),
      config: await checkConfig(withSettings(written, settings), keys),
      defaults: undefined,
    };
  }
  const source = parseSource(what);
  const defaults = await chooseFor(source, settings, minutes);
  return {
    name: sourceName(source),
    config: await checkConfig(withSettings(defaults.config, settings), keys),
    defaults,
  };
}

/** Programs that a recipe names; what is no list of names is refused by the schema. */
function pluginsIn({ plugins }: Record<string, unknown>): string[] {
  return Array.isArray(plugins) ? plugins.filter((file) => typeof file === "string") : [];
}

async function chooseFor(
  source: Parameters<typeof sourceName>[0],
  settings: readonly Setting[],
  minutes: number | undefined,
): Promise<Defaults> {
  const { chooseDefaults, decidedBy, machineFacts, readInit, underInit } = await import("../../public/plan.js");
  const { openSource } = await import("../../index.js");
  const { surveyPictures } = await import("../../public/data.js");
  const given = (path: string): unknown => settings.findLast((setting) => setting.path === path)?.value;
  const number = (path: string): number | undefined => {
    const value = given(path);
    return typeof value === "number" && value > 0 ? value : undefined; // anything else is refused by the schema
  };
  const [device, init] = [given("device"), given("init")];
  const facts = typeof init === "string" ? readInit(init, below("initHints.", settings)) : undefined;
  const name = (path: string): string | undefined => {
    const value = given(path);
    return typeof value === "string" ? value : undefined;
  };
  const decided = {
    method: name("method.name"),
    model: name("model.name"),
    imageSize: number("data.imageSize") ?? decidedBy(facts, "data.imageSize"),
    modelSettings: {
      ...below("model.", facts?.settings ?? []),
      ...below("model.", settings),
    },
    batchSize: number("data.batchSize"),
    epochs: number("epochs"),
    minutes,
    channels: number("data.channels") ?? decidedBy(facts, "data.channels"),
  };
  const known = Object.fromEntries(Object.entries(decided).filter(([, value]) => value !== undefined));
  const machine = machineFacts(typeof device === "string" ? device : undefined);
  const opened = await openSource(source);
  const { channels } = decided;
  const survey = await surveyPictures(opened, Number.isInteger(channels) ? { channels: channels as number } : {});
  const defaults = chooseDefaults(source, survey, machine, known);
  return facts === undefined ? defaults : underInit(defaults, facts);
}

/** The values of the keys below a part of the configuration, apart from its name. */
function below(part: string, settings: readonly Setting[]): Record<string, unknown> {
  const inside = settings.filter(({ path }) => path.startsWith(part) && path !== `${part}name`);
  return Object.fromEntries(inside.map(({ path, value }) => [path.slice(part.length), value]));
}

type Usual = Readonly<Record<"model" | "method" | "optim", { readonly name: string }>>;

/** The schema's own check, with the nearest key for one that is misspelt. */
export async function checkConfig(config: Record<string, unknown>, keys: readonly ConfigKey[]): Promise<RunConfig> {
  const { parseConfig } = await import("../../public/train.js");
  const { usualMethod } = await import("../../public/methods.js");
  const { usualModel } = await import("../../public/models.js");
  const named = withNames(config, { model: usualModel, method: usualMethod, optim: { name: "adamw" } });
  refuseUnknown(named, keys, "pretrain");
  const plugins = loadedPlugins();
  return parseConfig({ ...named, ...(plugins.length > 0 ? { plugins } : {}) } as RunConfigInput);
}

/** @throws UsageError for a key that no schema has, with the nearest. @param command whose --help-config lists them */
export function refuseUnknown(named: Record<string, unknown>, keys: readonly ConfigKey[], command: string): void {
  for (const { path, parts } of unknownKeys(named, keys)) {
    const near = nearest(
      path,
      keys.map((key) => key.path),
    );
    throw new UsageError({
      code: "unknown-key",
      path,
      expected: "a key of the configuration",
      actual: `"${parts.at(-1)}", which is none`,
      remedy: near === undefined ? `See: lacuna ${command} --help-config` : `Did you mean ${near}?`,
    });
  }
}

/** Which model, method and optimiser is meant where nobody says. */
function withNames(config: Record<string, unknown>, usual: Usual): Record<string, unknown> {
  const named = { ...config };
  for (const [part, chosen] of Object.entries(usual)) {
    const value = named[part];
    if (typeof value === "object" && value !== null && !("name" in value)) named[part] = { ...chosen, ...value };
  }
  return named;
}

/** Keys that no alternative of the schema has. */
function* unknownKeys(
  value: Record<string, unknown>,
  keys: readonly ConfigKey[],
  above: readonly string[] = [],
): Generator<{ path: string; parts: readonly string[] }> {
  for (const [name, below] of Object.entries(value)) {
    const parts = [...above, name];
    const path = parts.join(".");
    if (keys.some((key) => key.path === path)) continue;
    if (!keys.some((key) => key.path.startsWith(`${path}.`))) yield { path, parts };
    else if (typeof below === "object" && below !== null && !Array.isArray(below))
      yield* unknownKeys(below as Record<string, unknown>, keys, parts);
  }
}
