/** Runs a sweep: points in their order, each trained, judged and entered into table and plots. */
import { resume } from "../finetune/resume.js";
import type { Run } from "../train/loop/loop.js";
import { pretrain } from "../train/pretrain.js";
import { Pace } from "../train/watch/pace.js";
import type { SweepInput } from "./define.js";
import { SweepFolder } from "./folder.js";
import { type PlannedPoint, planSweep, type SweepPlan } from "./plan.js";
import { type ResolvedSweep, resolveSweep } from "./resolve.js";
import { Standing } from "./standing.js";
import type { SweepSummary } from "./summary.js";

/** What happens in a sweep. */
export type SweepEvent =
  /** Raw pixels or an encoder before training are judged. */
  | { readonly type: "baseline"; readonly name: string }
  /** A point stands otherwise than before: `standing.of(planned)`. */
  | { readonly type: "point"; readonly planned: PlannedPoint }
  | { readonly type: "judging"; readonly planned: PlannedPoint }
  | {
      readonly type: "step";
      readonly planned: PlannedPoint;
      readonly stage: "training" | "fine-tuning";
      readonly pace: Pace;
    }
  | { readonly type: "warning"; readonly planned: PlannedPoint; readonly message: string }
  /** A point is trained and judged, or has failed; table and plots have it. */
  | { readonly type: "settled"; readonly planned: PlannedPoint };

/** Where a sweep runs, and what it does with points that failed. */
export interface SweepRunOptions {
  /** The sweep's folder: a new one, or one to go on with. */
  readonly out: string;
  /** Written into run.json of every point. */
  readonly command?: string;
  /** Train failed points again. */
  readonly retry?: boolean;
  /** Aborted: the point under way saves itself at the end of its step. */
  readonly signal?: AbortSignal;
}

/** How far a sweep has come. */
export interface SweepOutcome {
  readonly folder: string;
  /** Ended by its signal: run again, it goes on. */
  readonly isInterrupted: boolean;
  /** Points. */
  readonly finished: number;
  readonly failed: number;
  readonly waiting: number;
  readonly seconds: number;
  /** Table and plots. */
  readonly files: readonly string[];
  readonly summary: SweepSummary;
}

/**
 * Trains and judges every point of a sweep, or goes on with what is left of it. The same call goes on after a stop, a crash or a
 * kill: what is finished is not done again. @param onEvent told what happens
 * @throws ConfigError for a point that cannot be, before anything is trained; DataError where the pictures are not here; RunError
 */
export async function runSweep(
  input: SweepInput,
  options: SweepRunOptions,
  onEvent?: (event: SweepEvent) => void,
): Promise<SweepOutcome> {
  const resolved = await resolveSweep(input);
  using sweep = await SweepRun.open(resolved, await planSweep(resolved), options);
  return sweep.run(onEvent);
}

/** A sweep whose folder is opened; close it. */
export class SweepRun implements Disposable {
  #isInterrupted = false;
  #onEvent: (event: SweepEvent) => void = () => undefined;

  private constructor(
    /** Where its points stand. */
    readonly standing: Standing,
    private readonly folder: SweepFolder,
    private readonly signal: AbortSignal,
    private readonly options: SweepRunOptions,
  ) {}

  /** Opens the folder. @throws what `SweepFolder.open` throws; why a plan's pictures are not known */
  static async open(resolved: ResolvedSweep, plan: SweepPlan, options: SweepRunOptions): Promise<SweepRun> {
    if (plan.failure !== undefined) throw plan.failure;
    const { out, command = "sweep", signal = new AbortController().signal } = options;
    const points = plan.points.map(({ point, config }) => ({ id: point.id, config }));
    const folder = await SweepFolder.open(out, { title: resolved.sweep.title, command, points });
    try {
      return new SweepRun(new Standing(resolved, plan, folder, signal), folder, signal, options);
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.folder.close();
  }

  /** Does what is left. @param onEvent told what happens */
  async run(onEvent: (event: SweepEvent) => void = () => undefined): Promise<SweepOutcome> {
    const began = performance.now();
    this.#onEvent = onEvent;
    try {
      await this.standing.judgeBaselines((name) => onEvent({ type: "baseline", name }));
      for (const planned of this.standing.plan.points) {
        if (this.#isInterrupted) break;
        const { status } = this.standing.of(planned);
        if (status !== "done" && (status !== "failed" || this.options.retry === true)) await this.#settle(planned);
      }
    } catch (error) {
      if (!this.signal.aborted || error !== this.signal.reason) throw error;
      this.#isInterrupted = true;
    }
    const { summary, files } = await this.standing.write();
    return {
      folder: this.options.out,
      isInterrupted: this.#isInterrupted,
      ...this.standing.counts(),
      seconds: (performance.now() - began) / 1000,
      files,
      summary,
    };
  }

  async #settle(planned: PlannedPoint): Promise<void> {
    await this.#point(planned);
    await this.standing.write();
    this.#refresh(planned);
    if (!this.#isInterrupted) this.#onEvent({ type: "settled", planned });
  }

  async #point(planned: PlannedPoint): Promise<void> {
    if (this.standing.of(planned).status !== "trained") {
      this.standing.begin(planned);
      this.#onEvent({ type: "point", planned });
      if (!(await this.#train(planned))) return;
    }
    this.#refresh(planned);
    this.#onEvent({ type: "judging", planned });
    await this.standing.judge(planned, (pace) => this.#onEvent({ type: "step", planned, stage: "fine-tuning", pace }));
    this.#onEvent({ type: "point", planned });
  }

  #refresh(planned: PlannedPoint): void {
    this.standing.refresh(planned);
    this.#onEvent({ type: "point", planned });
  }

  /** @returns whether it is trained to its end */
  async #train(planned: PlannedPoint): Promise<boolean> {
    const { point, config } = planned;
    await using run = this.#open(planned);
    try {
      const { derived } = await run.prepare();
      const pace = new Pace({ steps: derived.steps, epochs: config.epochs, batch: derived.effectiveBatch });
      for await (const event of run) {
        if (event.type === "step") {
          pace.add(event);
          this.#onEvent({ type: "step", planned, stage: "training", pace });
        }
        if (event.type === "warning") this.#onEvent({ type: "warning", planned, message: event.message });
        if (event.type === "end" && event.reason === "interrupted") this.#isInterrupted = true;
      }
      return !this.#isInterrupted;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code !== "non-finite") throw error; // a full disk or a missing folder would end the next point too
      this.standing.fail(point.id, { code, message, step: 0 });
      return false;
    }
  }

  #open({ point, config }: PlannedPoint): Run {
    const out = this.folder.run(point.id);
    const { signal } = this;
    const { command } = this.options;
    const { run, results } = this.standing.stored(point.id);
    if (run === undefined || results.failure !== undefined) {
      this.folder.save(point.id, { measures: {} });
      return pretrain(config, { out, overwrite: true, signal, ...(command === undefined ? {} : { command }) });
    }
    const { workers } = config.data;
    return resume(out, { signal, ...(workers === "auto" ? {} : { workers }) });
  }
}
