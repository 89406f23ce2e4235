/** A list that programs can add to: of models, of methods. */
import { z } from "zod";
import { ConfigError } from "../errors.js";

/** What has a name in configurations, and a schema for the rest of them. */
export interface Named {
  readonly name: string;
  readonly config: z.ZodType<{ readonly name: string }>;
}

/** Entries by name, and the schema of a configuration that chooses one of them. */
export class Registry<Entry extends Named> {
  readonly #entries = new Map<string, Entry>();

  /** @param what "method": how errors call an entry, and the key of the configuration that names it */
  constructor(
    readonly what: string,
    entries: readonly Entry[],
  ) {
    for (const entry of entries) this.add(entry);
  }

  /** Adds an entry; the same one again changes nothing. @throws ConfigError for another one of the same name */
  add(entry: Entry): void {
    const present = this.#entries.get(entry.name);
    if (present === entry) return;
    if (present !== undefined) {
      throw new ConfigError({
        problem: `there is a ${this.what} called ${entry.name} already.`,
        code: "repeated-name",
        path: `${this.what}.name`,
        expected: "a name of its own",
        actual: entry.name,
        remedy: `Names that are taken: ${this.names().join(", ")}.`,
      });
    }
    this.#entries.set(entry.name, entry);
  }

  /** @throws ConfigError that lists the names there are */
  get(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    throw new ConfigError({
      problem: `there is no ${this.what} called ${name}.`,
      code: "unknown-name",
      path: `${this.what}.name`,
      expected: this.names(),
      actual: name,
      remedy: `Choose one of ${this.names().join(", ")}, or load the plugin that defines it.`,
    });
  }

  /** In the order in which they were added. */
  entries(): Entry[] {
    return [...this.#entries.values()];
  }

  /** Theirs. */
  names(): string[] {
    return [...this.#entries.keys()];
  }

  /** The keys of an entry's configuration. @throws ConfigError that lists the names there are */
  keysOf(name: string): string[] {
    return Object.keys((this.get(name).config as unknown as z.ZodObject).shape);
  }

  /** The schema of the configuration of any of them, told apart by `name`. */
  schema(): z.ZodType<{ readonly name: string }> {
    const [first, ...more] = [...this.#entries.values()].map(({ config }) => config as unknown as z.ZodObject);
    return z.discriminatedUnion("name", [first as z.ZodObject, ...more]) as unknown as z.ZodType<{
      readonly name: string;
    }>;
  }
}
