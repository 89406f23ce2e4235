/** The keys of the configuration, flat: what flags, help and suggestions are made of. Read from the schema alone. */

/** JSON Schema, as far as zod writes it. */
export interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: JsonSchema | false;
  readonly prefixItems?: readonly JsonSchema[];
}

/** A leaf of the configuration. */
export interface ConfigKey {
  /** `data.batchSize` */
  readonly path: string;
  /** What it takes, for people: `whole number above 0`. */
  readonly takes: readonly string[];
  /** Types of JSON that it takes. */
  readonly types: ReadonlySet<string>;
  readonly choices: readonly unknown[];
  readonly default: unknown;
  readonly description: string | undefined;
}

/** Every leaf, in the schema's order. Alternatives (optimisers, kinds of source) are merged by their paths. */
export function configKeys(schema: JsonSchema): ConfigKey[] {
  const found = new Map<string, ConfigKey>();
  for (const key of leaves(schema, "")) found.set(key.path, merge(found.get(key.path), key));
  return [...found.values()];
}

function* leaves(schema: JsonSchema, path: string): Generator<ConfigKey> {
  const alternatives = schema.oneOf ?? schema.anyOf ?? [];
  const objects = alternatives.filter(({ properties }) => properties !== undefined);
  if (schema.properties === undefined && objects.length === 0) {
    yield leaf(schema, path);
    return;
  }
  // A number or a schedule: the number is a leaf, the schedule has leaves of its own.
  const plain = alternatives.filter(({ type }) => type !== undefined && type !== "object");
  if (plain.length > 0) yield leaf({ ...schema, anyOf: plain }, path);
  for (const part of [schema, ...objects]) {
    for (const [name, below] of Object.entries(part.properties ?? {}))
      yield* leaves(below, path === "" ? name : `${path}.${name}`);
  }
}

function leaf(schema: JsonSchema, path: string): ConfigKey {
  const kinds = schema.anyOf ?? schema.oneOf ?? [schema];
  const types = new Set(kinds.map(typeOf));
  const choices = kinds.flatMap((kind) => kind.enum ?? (kind.const === undefined ? [] : [kind.const]));
  return {
    path,
    takes: kinds.map(describeType),
    types,
    choices,
    default: schema.default,
    description: schema.description,
  };
}

function typeOf({ type, const: constant }: JsonSchema): string {
  return type ?? (constant === undefined ? "any" : typeof constant);
}

function merge(before: ConfigKey | undefined, now: ConfigKey): ConfigKey {
  if (before === undefined) return now;
  return {
    ...before,
    takes: [...new Set([...before.takes, ...now.takes])],
    types: new Set([...before.types, ...now.types]),
    choices: [...new Set([...before.choices, ...now.choices])],
    description: before.description ?? now.description,
  };
}

function describeType(schema: JsonSchema): string {
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum !== undefined) return schema.enum.join(" | ");
  if (schema.type === "array") return describeArray(schema);
  if (schema.type === "boolean") return "true | false";
  if (schema.type !== "integer" && schema.type !== "number") return schema.type === "string" ? "text" : "value";
  return (schema.type === "integer" ? "whole number" : "number") + describeBounds(schema);
}

function describeArray({ items, prefixItems }: JsonSchema): string {
  if (prefixItems !== undefined) return `[${prefixItems.map(describeType).join(", ")}]`;
  return `[${items === undefined || items === false ? "value" : describeType(items)}, …]`;
}

function describeBounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const low = exclusiveMinimum === undefined ? minimum : exclusiveMinimum;
  const isSafe = (value: number | undefined): boolean => value !== undefined && Math.abs(value) < 2 ** 52;
  const high = exclusiveMaximum ?? (isSafe(maximum) ? maximum : undefined);
  if (isSafe(low) && high !== undefined) return ` from ${low} to ${high}`;
  if (isSafe(low)) return exclusiveMinimum === undefined ? ` of at least ${low}` : ` above ${low}`;
  return high === undefined ? "" : ` of at most ${high}`;
}
