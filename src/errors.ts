/** What an error is made of: data first, so that a program can act on it as well as a person. */
export interface ErrorDetails<Code extends string = string> {
  /** Stable, for programs. */
  readonly code: Code;
  /** Where: a file, a folder, a key of a configuration, or a module such as `encoder.blocks.1`. */
  readonly path?: string | undefined;
  readonly expected: unknown;
  readonly actual: unknown;
  /** What to do about it, as full sentences. */
  readonly remedy?: string | undefined;
  /** What is wrong as a sentence, where `expected …, got ….` would say it badly. */
  readonly problem?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The parent of every error that Lacuna throws on purpose. Its text is made of its fields, in one shape:
 * `in <path>: expected <expected>, got <actual>. <remedy>`.
 */
export class LacunaError extends Error {
  /** Stable, for programs. */
  readonly code: string;
  /** What would have been right: words, or the value itself, such as a shape. */
  readonly expected: unknown;
  /** What came instead. */
  readonly actual: unknown;
  /** What to do about it, as full sentences; empty where nothing can be done. */
  readonly remedy: string;
  #path: string;
  readonly #problem: string;

  constructor(details: ErrorDetails) {
    const { code, path = "", expected, actual, remedy = "", problem, cause } = details;
    super("", cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.expected = expected;
    this.actual = actual;
    this.remedy = remedy;
    this.#path = path;
    this.#problem = problem ?? `expected ${inWords(expected)}, got ${inWords(actual)}.`;
    this.#write();
  }

  /** Where: a file, a folder, a key of a configuration, or a module such as `encoder.blocks.1`; empty where it is nowhere. */
  get path(): string {
    return this.#path;
  }

  /** A module adds the key under which it holds what failed; the path costs nothing until then. */
  within(key: string): this {
    this.#path = this.#path === "" ? key : `${key}.${this.#path}`;
    this.#write();
    return this;
  }

  /** `DataError in photos: expected …`: the form in which the command line prints it. */
  override toString(): string {
    return this.message.startsWith("in ") ? `${this.name} ${this.message}` : `${this.name}: ${this.message}`;
  }

  /** All that it knows as data, for `JSON.stringify` and for what crosses a thread or a process. */
  toJSON(): Record<"name" | "code" | "path" | "message" | "remedy", string> & { expected: unknown; actual: unknown } {
    const { name, code, path, expected, actual, remedy, message } = this;
    return { name, code, path, expected, actual, remedy, message };
  }

  #write(): void {
    const where = this.#path === "" ? "" : `in ${this.#path}: `;
    this.message = `${where}${this.#problem}${this.remedy === "" ? "" : ` ${this.remedy}`}`;
  }
}

/** A value that somebody gave, in a configuration or as an argument, is none that can be used. */
export class ConfigError extends LacunaError {}

/** A value of a field in a sentence: words as they are, a shape in brackets. */
function inWords(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(String).join(" ")}]`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
