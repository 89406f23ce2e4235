/** What an error is made of: data first, so that a program can act on it as well as a person. */
export interface ErrorDetails {
  readonly code: string;
  /** Where: a module path such as `mae.encoder.blocks.1`, a config key, or a file. */
  readonly path?: string | undefined;
  readonly expected?: unknown;
  readonly actual?: unknown;
  /** What to do about it, one sentence. */
  readonly remedy?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The parent of every error that Lacuna throws on purpose. The text has one shape:
 * `<where>: <what was expected, what came>. <what to do>`.
 */
export class LacunaError extends Error {
  readonly code: string;
  readonly expected: unknown;
  readonly actual: unknown;
  readonly remedy: string | undefined;
  #path: string;
  readonly #sentence: string;

  constructor(sentence: string, details: ErrorDetails) {
    super(sentence, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code;
    this.expected = details.expected;
    this.actual = details.actual;
    this.remedy = details.remedy;
    this.#path = details.path ?? "";
    this.#sentence = sentence;
    this.#write();
  }

  get path(): string {
    return this.#path;
  }

  /** A parent adds the key under which it holds what failed; the path costs nothing until then. */
  within(key: string): this {
    this.#path = this.#path === "" ? key : `${key}.${this.#path}`;
    this.#write();
    return this;
  }

  #write(): void {
    const where = this.#path === "" ? "" : `in ${this.#path}: `;
    this.message = `${where}${this.#sentence}${this.remedy === undefined ? "" : ` ${this.remedy}`}`;
  }
}

/** libtorch refused an operation, or could not be loaded. */
export class EngineError extends LacunaError {}
/** Shapes that do not fit. */
export class ShapeError extends LacunaError {}
/** A tensor was used after the scope that owned it had ended. */
export class DisposedError extends LacunaError {}
/** A call that makes no sense in the present state: reading values while recording, a promise inside a scope. */
export class StateError extends LacunaError {}
/** A value in a configuration. */
export class ConfigError extends LacunaError {}
/** A checkpoint that cannot be used. */
export class CheckpointError extends LacunaError {}
