/** Where a run stands and how fast it goes, from its events. */
import type { StepEvent } from "../../runs/schema.js";

/** Steps over which speed and waiting are averaged. */
const recentSteps = 50;

/** Give it every event of a step. */
export class Pace {
  #loss = 0;
  #weight = 0;
  #recent: { at: number; seconds: number; waitSeconds: number }[] = [];
  #last: StepEvent | undefined;

  constructor(
    readonly run: { readonly steps: number; readonly epochs: number; readonly batch: number },
    private readonly now: () => number = () => performance.now(),
  ) {}

  add(event: StepEvent): void {
    this.#last = event;
    if (Number.isFinite(event.loss)) {
      const keep = 0.95; // about the last twenty steps
      this.#loss = keep * this.#loss + (1 - keep) * event.loss;
      this.#weight = keep * this.#weight + (1 - keep);
    }
    this.#recent.push({ at: this.now(), seconds: event.seconds, waitSeconds: event.waitSeconds });
    if (this.#recent.length > recentSteps) this.#recent.shift();
  }

  /** The newest step; undefined before the first. */
  get last(): StepEvent | undefined {
    return this.#last;
  }

  /** Smoothed over about twenty steps; NaN at once where a step's is. */
  get loss(): number {
    return this.#last !== undefined && !Number.isFinite(this.#last.loss) ? this.#last.loss : this.#loss / this.#weight;
  }

  /** Training alone; what happens between steps is not counted. */
  get imagesPerSecond(): number {
    const seconds = this.#recent.reduce((sum, step) => sum + step.seconds, 0);
    return (this.#recent.length * this.run.batch) / seconds;
  }

  get waitShare(): number {
    const seconds = this.#recent.reduce((sum, step) => sum + step.seconds, 0);
    return this.#recent.reduce((sum, step) => sum + step.waitSeconds, 0) / seconds;
  }

  /** By the wall clock, so that pictures and checkpoints count. */
  get secondsLeft(): number {
    const [first, last] = [this.#recent[0], this.#recent.at(-1)];
    const left = this.run.steps - (this.#last?.step ?? 0);
    if (first === undefined || last === undefined || first === last) return left * (first?.seconds ?? Number.NaN);
    return (left * (last.at - first.at)) / 1000 / (this.#recent.length - 1);
  }

  get share(): number {
    return (this.#last?.step ?? 0) / this.run.steps;
  }
}
