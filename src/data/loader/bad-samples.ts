/** The account of bad pictures: what was met, what the caller has been told, and when there are too many to go on. */
import { type BadPictureCode, DataError } from "../errors.js";
import type { Place } from "./ring.js";
import type { Why } from "./work.js";

export interface BadSample {
  readonly sample: number;
  readonly path: string;
  readonly code: BadPictureCode;
  /** One line, without the path. */
  readonly reason: string;
}

/** More pictures of a source are bad than its user allows. */
export class BadDataError extends DataError {
  override readonly name = "BadDataError";
  readonly count: number;
  /** Bad samples among those tried. */
  readonly share: number;
  readonly examples: readonly BadSample[];

  constructor(count: number, tried: number, maxShare: number, root: string, examples: readonly BadSample[]) {
    const share = count / tried;
    const shown = examples.map(({ path, code, reason }) => `\n  ${path}: ${code}: ${reason}`).join("");
    super({
      code: "too-many-bad-pictures",
      path: root,
      expected: `at most ${percent(maxShare)} of the pictures to be unusable`,
      actual: `${count} bad of ${tried} tried (${percent(share)})`,
      remedy: `Run \`lacuna doctor ${root}\` to list them all, remove or repair them, or raise maxBadShare. The first ones:${shown}`,
    });
    this.count = count;
    this.share = share;
    this.examples = examples;
  }
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}

interface Met {
  readonly position: number;
  readonly sample: number;
}

/** Below this many, a few bad files at the start of a small folder would end a run. */
const FEWEST_TO_STOP = 10;
const EXAMPLES = 5;

export class BadSamples {
  readonly #size: number;
  readonly #maxShare: number;
  readonly #root: string;
  readonly #pathOf: (sample: number) => string;
  readonly #why = new Map<number, Why>();
  readonly #met = new Map<number, Met[]>();
  readonly #told: Set<number>;
  /** Distinct samples that stood in a delivered batch, used or bad: what the share is a share of. */
  readonly #tried: Uint8Array;
  #triedCount = 0;
  readonly #bad = new Set<number>();

  constructor(
    size: number,
    maxShare: number,
    root: string,
    pathOf: (sample: number) => string,
    known: readonly number[],
  ) {
    this.#size = size;
    this.#maxShare = maxShare;
    this.#root = root;
    this.#pathOf = pathOf;
    this.#told = new Set(known);
    this.#tried = new Uint8Array(size);
  }

  /** A new ring begins: what earlier rings met and did not deliver is met again. */
  forgetPlaces(): void {
    this.#met.clear();
  }

  learn(sample: number, why: Why): void {
    if (!this.#why.has(sample)) this.#why.set(sample, why);
  }

  meet({ ordinal, position }: Place, sample: number): void {
    const met = this.#met.get(ordinal) ?? [];
    met.push({ position, sample });
    this.#met.set(ordinal, met);
  }

  /**
   * The bad samples of a batch about to be delivered that were never reported before, by position. Which batch reports a
   * sample thus depends on the order of the batches, not on which worker came upon it first.
   * Throws BadDataError when there are too many.
   */
  deliver(ordinal: number, used: Int32Array): BadSample[] {
    const met = this.#met.get(ordinal) ?? [];
    this.#met.delete(ordinal);
    const fresh: BadSample[] = [];
    // Stable: the attempts at one position were told in order, by one worker.
    for (const { sample } of met.sort((a, b) => a.position - b.position)) {
      this.#bad.add(sample);
      this.#try(sample);
      if (this.#told.has(sample)) continue;
      this.#told.add(sample);
      fresh.push(this.describe(sample));
    }
    for (const sample of used) this.#try(sample);
    if (this.#tooMany()) throw this.error();
    return fresh;
  }

  #try(sample: number): void {
    if (this.#tried[sample] === 1) return;
    this.#tried[sample] = 1;
    this.#triedCount++;
  }

  /**
   * Exact once all samples were tried; before, chance is allowed for with three standard deviations of drawing without
   * replacement, so that a folder just below the limit is not refused for a bad start.
   */
  #tooMany(): boolean {
    const bad = this.#bad.size;
    if (bad > this.#size / 2 && bad > this.#maxShare * this.#size) return true;
    if (bad < FEWEST_TO_STOP) return false;
    const tried = this.#triedCount;
    const expected = this.#maxShare * tried;
    const variance = expected * (1 - this.#maxShare) * (1 - tried / this.#size);
    return bad > expected + 3 * Math.sqrt(variance);
  }

  describe(sample: number): BadSample {
    const why = this.#why.get(sample) ?? { code: "unreadable", reason: "known to be bad from before" };
    return { sample, path: this.#pathOf(sample), ...why };
  }

  /** The error that ends the run; `known` counts samples that were found bad without having been delivered, too. */
  error(): BadDataError {
    const bad = new Set([...this.#bad, ...this.#why.keys()]);
    const tried = this.#triedCount + [...bad].filter((sample) => this.#tried[sample] === 0).length;
    const examples = [...bad].slice(0, EXAMPLES).map((sample) => this.describe(sample));
    return new BadDataError(bad.size, tried, this.#maxShare, this.#root, examples);
  }
}
