/** Methods and models of a program's own: how they get into the lists, and into a configuration. */
import { methods } from "../methods/index.js";
import type { DefinedMethod } from "../methods/method.js";
import { type DefinedModel, models } from "../models/index.js";
import type { RunConfigInput } from "./config.js";

/** A definition, or one with the options that are not its defaults. */
export type Given<Definition> = Definition | readonly [Definition, Readonly<Record<string, unknown>>];

/** A run's configuration, whose method and model may be a program's own. */
export interface PretrainInput extends Omit<RunConfigInput, "method" | "model"> {
  readonly method?: RunConfigInput["method"] | Given<DefinedMethod>;
  readonly model?: RunConfigInput["model"] | Given<DefinedModel>;
}

/** Adds a method or a model to its list: from then on a configuration can name it. @throws ConfigError for a name that is taken */
export function register(definition: DefinedMethod | DefinedModel): void {
  if (isMethod(definition)) methods.add(definition);
  else models.add(definition);
}

/** What a module exports of methods and models, added to the lists. @returns their names */
export function registerAll(exported: Readonly<Record<string, unknown>>): string[] {
  const found = Object.values(exported).filter(isDefinition);
  for (const definition of found) register(definition);
  return found.map(({ name }) => name);
}

/** The same configuration by names; definitions in it are added to the lists. */
export function byName({ method, model, ...rest }: PretrainInput): RunConfigInput {
  return {
    ...rest,
    ...(method === undefined ? {} : { method: named(method) as NonNullable<RunConfigInput["method"]> }),
    ...(model === undefined ? {} : { model: named(model) as NonNullable<RunConfigInput["model"]> }),
  };
}

function named(given: unknown): unknown {
  const [definition, options] = Array.isArray(given) ? (given as [unknown, object]) : [given, {}];
  if (!isDefinition(definition)) return given;
  register(definition);
  return { name: definition.name, ...options };
}

function isDefinition(value: unknown): value is DefinedMethod | DefinedModel {
  return typeof value === "object" && value !== null && "build" in value && "config" in value && "name" in value;
}

function isMethod(definition: DefinedMethod | DefinedModel): definition is DefinedMethod {
  return "views" in definition;
}
