/** Configurations as flat lists of settings, and in what several of them differ. */

/** A setting in which runs differ. */
export interface SettingDifference {
  /** `optim.learningRate` */
  readonly name: string;
  /** Of each run, in their order; undefined where a run has no such setting. */
  readonly values: readonly (string | undefined)[];
}

/** Names and values of all that is in a configuration: `method.decoder.width`, `512`. A list of plain values is one setting. */
export function flattened(value: unknown, path = ""): [name: string, value: string][] {
  if (typeof value !== "object" || value === null) return [[path, String(value)]];
  if (Array.isArray(value) && value.every((one) => typeof one !== "object" || one === null))
    return [[path, value.join(", ")]];
  return Object.entries(value).flatMap(([key, inner]) => flattened(inner, path === "" ? key : `${path}.${key}`));
}

/** The settings that are not the same in all configurations, in the order in which they are met. */
export function differingSettings(configs: readonly unknown[]): SettingDifference[] {
  const all = configs.map((config) => new Map(flattened(config)));
  const names = [...new Set(all.flatMap((settings) => [...settings.keys()]))];
  return names
    .map((name) => ({ name, values: all.map((settings) => settings.get(name)) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}
