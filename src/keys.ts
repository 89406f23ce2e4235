/** Configurations by dotted keys. Commands read this before the library is loaded: it imports nothing. */

/** `data.batchSize`, and what it is to be. */
export interface Setting {
  readonly path: string;
  readonly value: unknown;
}

/** The configuration with the settings laid over it; objects on the way are made. The input is not changed. */
export function withSettings<C extends object>(config: C, settings: readonly Setting[]): C {
  const result = structuredClone(config) as Record<string, unknown>;
  for (const { path, value } of settings) {
    const parts = path.split(".");
    let at = result;
    for (const part of parts.slice(0, -1)) {
      if (typeof at[part] !== "object" || at[part] === null) at[part] = {};
      at = at[part] as Record<string, unknown>;
    }
    at[parts.at(-1) as string] = value;
  }
  return result as C;
}

/** What stands at a path; undefined where nothing does. @param path `data.batchSize`, or its parts */
export function valueAt(config: unknown, path: string | readonly PropertyKey[]): unknown {
  const parts = typeof path === "string" ? path.split(".") : path;
  return parts.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    config,
  );
}
