/** Dotted flags: `--data.batchSize=64` sets a key of the configuration, read as the schema types it. */
import type { Setting } from "../../keys.js";
import { UsageError } from "../errors.js";
import type { ConfigKey } from "./keys.js";
import { nearest } from "./nearest.js";

export interface Flags {
  /** What is no flag, in order. */
  readonly operands: readonly string[];
  readonly settings: readonly Setting[];
}

/**
 * Reads what the command's own options left over. `--key=value` and `--key value`; a flag of a boolean key may stand
 * alone. @throws UsageError for a key that is none, with the nearest, and for a value of the wrong type
 */
export function parseFlags(
  tokens: readonly string[],
  keys: readonly ConfigKey[],
  options: readonly string[],
  command = "pretrain",
): Flags {
  const byPath = new Map(keys.map((key) => [key.path, key]));
  const operands: string[] = [];
  const settings: Setting[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as string;
    if (!token.startsWith("-") || token === "-") {
      operands.push(token);
      continue;
    }
    const [, path = "", , text] = /^--?([^=]*)(=([\s\S]*))?$/.exec(token) ?? [];
    const key = byPath.get(path);
    if (key === undefined) throw unknownFlag(token, path, [...byPath.keys(), ...options], command);
    let given = text;
    if (given === undefined && !(isBoolean(key) && !/^(true|false)$/.test(tokens[i + 1] ?? ""))) given = tokens[++i];
    settings.push({ path, value: readValue(key, given) });
  }
  return { operands, settings };
}

/** What the one operand of a command is. */
export interface OperandKind {
  /** In words. */
  readonly expected: string;
  /** A command line that has one. */
  readonly example: string;
  /** Whether a text can be one; any can unless said. */
  readonly accepts?: (text: string) => boolean;
}

/** The one operand that a command takes. @throws UsageError where there are none or several, or it is of another kind */
export function onlyOperand(operands: readonly string[], { expected, example, accepts }: OperandKind): string {
  const [what, ...more] = operands;
  if (what !== undefined && more.length === 0 && accepts?.(what) !== false) return what;
  if (areArchives(operands)) throw severalArchives(operands);
  throw new UsageError({
    code: "operands",
    path: "the command line",
    expected,
    actual: operands.length === 0 ? "none" : operands.join(" "),
    remedy: `For example: ${example}`,
  });
}

/** Whether these are what a shell makes of `shards/*.tar`. */
export const areArchives = (operands: readonly string[]): boolean =>
  operands.length > 1 && operands.every((text) => /\.tar$/i.test(text));

/** The error for them: they are one source, which has one name. */
export function severalArchives(operands: readonly string[]): UsageError {
  return new UsageError({
    code: "operands",
    path: "the command line",
    expected: "one name for all archives",
    actual: operands.join(" "),
    remedy: 'Give their folder, or a pattern in quotes: "shards/*.tar"',
  });
}

const isBoolean = (key: ConfigKey): boolean => key.types.size === 1 && key.types.has("boolean");

function unknownFlag(token: string, path: string, known: readonly string[], command: string): UsageError {
  const near = nearest(path, known);
  const meant = near === undefined ? "" : `Did you mean --${near}? `;
  return new UsageError({
    code: "unknown-flag",
    path: token.split("=")[0] as string,
    expected: "an option, or a key of the configuration",
    actual: "one that is neither",
    remedy: `${meant}See: lacuna ${command} --help-config`,
  });
}

function readValue(key: ConfigKey, text: string | undefined): unknown {
  if (text === undefined) {
    if (isBoolean(key)) return true;
    throw wrongValue(key, "nothing");
  }
  const parsed = parseJson(text);
  const type = Array.isArray(parsed) ? "array" : typeof parsed;
  if (key.types.has("any") || (type !== "string" && key.types.has(type))) return parsed;
  if (type === "number" && Number.isInteger(parsed) && key.types.has("integer")) return parsed;
  if (key.types.has("string") && (key.choices.length === 0 || key.choices.includes(text))) return text;
  throw wrongValue(key, JSON.stringify(text));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function wrongValue(key: ConfigKey, actual: string): UsageError {
  const words = key.choices.filter((choice) => typeof choice === "string");
  const near = nearest(actual.replaceAll('"', ""), words);
  const example = key.default ?? words[0];
  return new UsageError({
    code: "flag-value",
    path: `--${key.path}`,
    expected: key.takes.join(" or "),
    actual,
    remedy:
      near !== undefined
        ? `Did you mean ${near}?`
        : `Write --${key.path}=${example === undefined ? "<value>" : JSON.stringify(example)}`,
  });
}
