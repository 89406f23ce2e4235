/** Where every point of a sweep stands, and the table of it. */
import { join } from "node:path";
import { verdict } from "../inspect/verdict.js";
import { openRun } from "../runs/reader.js";
import type { RunEvent } from "../runs/schema.js";
import { summarize } from "../runs/summary.js";
import { writeAtomic } from "../runs/write-atomic.js";
import type { Pace } from "../train/watch/pace.js";
import type { MeasureName } from "./define.js";
import { type PointState, readPoint, type SweepFolder } from "./folder.js";
import { Judge } from "./judge.js";
import type { PlannedPoint, SweepPlan } from "./plan.js";
import { writePlots } from "./plots/accuracies.js";
import { writeWatched } from "./plots/watched.js";
import type { ResolvedSweep } from "./resolve.js";
import {
  type BaselineRow,
  measuresOf,
  type PointResult,
  type PointStatus,
  type SweepSummary,
  summarizeSweep,
} from "./summary.js";
import { csvText, markdownText } from "./table.js";

/** Read from the sweep's folder, and again where something was done. */
export class Standing {
  /** What every point is judged by. */
  readonly measures: readonly MeasureName[];
  readonly #results = new Map<string, PointResult>();
  #baselines: readonly BaselineRow[] = [];

  readonly #judge: Judge;

  constructor(
    private readonly resolved: ResolvedSweep,
    readonly plan: SweepPlan,
    private readonly folder: SweepFolder,
    signal: AbortSignal,
  ) {
    this.measures = measuresOf(resolved.sweep.evaluate);
    this.#judge = new Judge(resolved.sweep.evaluate, this.measures, signal);
    for (const planned of plan.points) this.refresh(planned);
  }

  /** What lies on the disk of a point. */
  stored(id: string): PointState {
    return readPoint(this.folder.path, id);
  }

  /** What is known of a point. */
  of({ point }: Pick<PlannedPoint, "point">): PointResult {
    return this.#results.get(point.id) as PointResult; // every point is refreshed at the start
  }

  begin(planned: PlannedPoint): void {
    this.#set(planned, "running", {});
  }

  fail(id: string, failure: { code: string; message: string; step: number }): void {
    this.folder.save(id, { measures: {}, failure });
  }

  /** Reads anew what is on the disk. */
  refresh(planned: PlannedPoint): void {
    const { status, ...known } = this.#read(planned.point.id);
    this.#set(planned, status, known);
  }

  #read(id: string): Partial<PointResult> & Pick<PointResult, "status"> {
    const { run, results } = this.stored(id);
    if (run === undefined) return { status: "waiting" };
    const opened = openRun(this.folder.run(id));
    const { steps, ...summary } = summarize(opened.events);
    const known = {
      loss: summary.smoothedLoss,
      heldOutLoss: summary.heldOutLoss,
      seconds: summary.trainingSeconds,
      imagesPerSecond: summary.imagesPerSecond,
    };
    if (results.failure !== undefined) return { status: "failed", ...known, failure: results.failure.message };
    if (run.status !== "finished") return { status: "running", ...known };
    const measured = Object.entries(results.measures).filter(([, { step }]) => step === steps);
    const accuracies = Object.fromEntries(measured.map(([name, { accuracy }]) => [name, accuracy]));
    const judged = Object.fromEntries(measured);
    const { status: said } = verdict(opened.events, opened.run);
    return {
      status: this.#judge.isComplete(results, steps) ? "done" : "trained",
      ...known,
      accuracies,
      judged,
      verdict: said,
    };
  }

  /** @param tell how far fine-tuning is */
  async judge(planned: PlannedPoint, tell: (pace: Pace) => void = () => undefined): Promise<void> {
    const { id } = planned.point;
    const { run, results } = this.stored(id);
    const step = run?.derived["steps"] ?? 0;
    const trained = this.folder.run(id);
    const measures = await this.#judge.judge(trained, step, results);
    this.folder.save(id, { measures });
    this.refresh(planned);
    const where = { run: trained, step, out: join(this.folder.path, "finetuned", id) };
    this.folder.save(id, { measures: await this.#judge.finetune(where, this.stored(id).results, tell) });
    this.refresh(planned);
  }

  /** Raw pixels, and the encoders before training: once for each kind of picture and of model. */
  async judgeBaselines(tell: (what: string) => void): Promise<void> {
    if (!this.resolved.sweep.evaluate.baselines) return;
    this.#baselines = [];
    for (const { name, kind, planned } of distinct(this.plan.points)) {
      const id = kind === "pixels" ? `_${name.replaceAll(/\W+/g, "-")}` : `_untrained-${planned.point.id}`;
      tell(name);
      const measures = await this.#judge.judgeBaseline(kind, planned.config, this.stored(id).results);
      this.folder.save(id, { measures });
      const accuracies = Object.fromEntries(
        Object.entries(measures).map(([measure, { accuracy }]) => [measure, accuracy]),
      );
      this.#baselines = [...this.#baselines, { name, accuracies }];
    }
  }

  counts(): { finished: number; failed: number; waiting: number } {
    const of = (...statuses: PointStatus[]): number =>
      [...this.#results.values()].filter(({ status }) => statuses.includes(status)).length;
    return { finished: of("done"), failed: of("failed"), waiting: of("waiting", "running", "trained") };
  }

  /** Rewrites table and plots. */
  async write(): Promise<{ summary: SweepSummary; files: string[] }> {
    const inFileOrder = this.resolved.points.map((point) => this.of(point));
    const summary = summarizeSweep(this.resolved.sweep, inFileOrder, this.#baselines);
    const at = (name: string): string => join(this.folder.path, name);
    const plots = await writePlots(this.folder.path, summary);
    const watched = await writeWatched(this.folder.path, this.resolved.sweep, this.#trained());
    const picture = plots === undefined ? "" : "\n![The table as curves](plots.svg)\n";
    const curves = watched === undefined ? "" : "\n![What was watched while training](watched.svg)\n";
    writeAtomic(at("table.md"), markdownText(summary) + picture + curves);
    writeAtomic(at("table.csv"), csvText(summary));
    writeAtomic(at("table.json"), `${JSON.stringify({ formatVersion: 1, ...summary }, null, 2)}\n`);
    return {
      summary,
      files: ["table.md", "table.csv", "table.json"]
        .map(at)
        .concat(Object.values(plots ?? {}), Object.values(watched ?? {})),
    };
  }

  /** The points that have begun, with what their runs have written. */
  #trained(): { id: string; events: readonly RunEvent[] }[] {
    const begun = this.resolved.points.filter(({ point: { id } }) => this.stored(id).run !== undefined);
    return begun.map(({ point: { id } }) => ({ id, events: openRun(this.folder.run(id)).events }));
  }

  /** How long training takes that costs so many multiply-adds, by the points that are trained; undefined before the first. */
  secondsFor(cost: number): number | undefined {
    const trained = [...this.#results.values()].filter(({ status }) => status === "done" || status === "trained");
    const sum = (of: (result: PointResult) => number | undefined): number =>
      trained.reduce((total, result) => total + (of(result) ?? 0), 0);
    const seconds = sum((result) => result.seconds);
    return seconds > 0 ? (cost * seconds) / sum((result) => result.cost) : undefined;
  }

  #set({ point, cost, memory }: PlannedPoint, status: PointStatus, known: Partial<PointResult>): void {
    const unknown = { seconds: undefined, loss: undefined, heldOutLoss: undefined, accuracies: {}, failure: undefined };
    this.#results.set(point.id, { point, status, cost, memory, ...unknown, ...known });
  }
}

interface Baseline {
  readonly name: string;
  readonly kind: "pixels" | "untrained";
  readonly planned: PlannedPoint;
}

/** The first point of each kind; several kinds are told apart by its name. */
function distinct(points: readonly PlannedPoint[]): Baseline[] {
  const first = (key: (planned: PlannedPoint) => unknown): PlannedPoint[] => {
    const found = new Map<string, PlannedPoint>();
    for (const planned of points) {
      const text = JSON.stringify(key(planned));
      if (!found.has(text)) found.set(text, planned);
    }
    return [...found.values()];
  };
  const named = (name: string, kind: Baseline["kind"], all: PlannedPoint[]): Baseline[] =>
    all.map((planned) => ({ name: all.length === 1 ? name : `${name} (${planned.point.group})`, kind, planned }));
  const picture = ({ config: { data } }: PlannedPoint): unknown[] => [
    data.imageSize,
    data.channels,
    data.mean,
    data.std,
  ];
  return [
    ...named("raw pixels", "pixels", first(picture)),
    ...named(
      "before training",
      "untrained",
      first((planned) => [planned.config.model, ...picture(planned)]),
    ),
  ];
}
