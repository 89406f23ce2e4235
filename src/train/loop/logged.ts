import type { RunEvent } from "../../runs/schema.js";

/**
 * What a run's log holds already of the step at which the run goes on. A process that was killed had looked at the first batch
 * after its checkpoint, and the next one looks at it again: what it finds is the same, and is logged once.
 */
export class Logged {
  readonly #keys: ReadonlySet<string>;

  /** @param events of the log, as it was cut back to `step` */
  constructor(
    events: readonly RunEvent[],
    private readonly step: number,
  ) {
    this.#keys = new Set(events.flatMap((event) => (event.step === step ? [keyOf(event) ?? []].flat() : [])));
  }

  has(event: RunEvent): boolean {
    const key = keyOf(event);
    return event.step === this.step && key !== undefined && this.#keys.has(key);
  }

  /** Whether the probes of this step were measured to the end: the first batch comes after them. */
  get isProbed(): boolean {
    return this.#keys.has("input") && [...this.#keys].some((key) => key.startsWith("probe "));
  }
}

/** What says the same again when a step is begun again; undefined for what is new each time. */
function keyOf(event: RunEvent): string | undefined {
  switch (event.type) {
    case "badFile":
      return `badFile ${event.path}`;
    case "probe":
      return `probe ${event.name}`;
    case "input":
      return "input";
    case "warning":
      return `warning ${event.code} ${event.message}`;
    default:
      return undefined;
  }
}
