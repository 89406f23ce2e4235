/** What weights to begin with decide of a new run, so that nobody need repeat their sizes. */
import { type Setting, withSettings } from "../../keys.js";
import { configFrom, type ForeignHints, openModelFile } from "../../train/checkpoints/from-checkpoint.js";
import type { RunConfigInput } from "../../train/config.js";
import type { Defaults } from "./choose.js";

/** What a file of weights says of the run that begins with them. */
export interface InitFacts {
  readonly path: string;
  /** Keys that follow from the file; anything said on the command line lies over them. */
  readonly settings: readonly Setting[];
}

/**
 * Reads sizes, decoder, picture size and normalisation from a checkpoint.
 * @param hints on somebody else's file; refused for one of ours @throws CheckpointError, FormatError
 */
export function readInit(path: string, hints: ForeignHints = {}): InitFacts {
  using file = openModelFile(path, hints);
  const { model, method, data } = configFrom(file);
  const decoder = (method?.["decoder"] ?? {}) as Readonly<Record<string, unknown>>;
  const { name: _, ...sizes } = model;
  const keys = { model: sizes, "method.decoder": decoder, data };
  const settings = Object.entries(keys).flatMap(([above, values]) =>
    Object.entries(values).map(([key, value]) => ({ path: `${above}.${key}`, value: value as unknown })),
  );
  return { path, settings };
}

/** A number that the file decides, for those who choose the rest by it. */
export function decidedBy(facts: InitFacts | undefined, path: string): number | undefined {
  const value = facts?.settings.find((setting) => setting.path === path)?.value;
  return typeof value === "number" ? value : undefined;
}

/** Choices for a run that begins with weights: what was chosen, with the file's sizes over it and said to be its. */
export function underInit(defaults: Defaults, { path, settings: all }: InitFacts): Defaults {
  const { method } = defaults.config;
  const isDecoded = method === undefined || "decoder" in method; // nobody else wants the file's decoder
  const settings = all.filter((setting) => isDecoded || !setting.path.startsWith("method.decoder."));
  const config = withSettings(defaults.config, settings) as unknown as RunConfigInput;
  const isSaid = (key: string): boolean => settings.some((setting) => setting.path === key);
  const isTheirs = (keys: string): boolean => keys === "model.size" || keys.split(", ").some(isSaid);
  const kept = defaults.choices.filter(({ key }) => !isTheirs(key));
  const value = (key: string, between: string): string => {
    const found = settings.find((setting) => setting.path === key)?.value;
    return Array.isArray(found) ? found.join(between) : String(found);
  };
  const reason = `as in ${path}`;
  const sizes = ["model.width", "model.depth", "model.heads", "model.patchSize", "data.imageSize"];
  const colours = ["data.mean", "data.std"].filter(isSaid);
  const theirs = [
    ...sizes.map((key) => ({ key, value: value(key, " × "), reason })),
    ...colours.map((key) => ({ key, value: value(key, " "), reason })),
  ];
  return {
    ...defaults,
    config,
    choices: [...kept, ...theirs],
    estimate: { imagesPerSecond: Number.NaN, hours: Number.NaN },
  };
}
