/** Where every point of a sweep stands, what it will still take, and the table of it. */
import { join } from "node:path";
import type {
  BaselineRow,
  MeasureName,
  PointResult,
  PointState,
  PointStatus,
  SweepFolder,
  SweepSummary,
} from "../../index.js";
import { tableLines } from "../report.js";
import { duration, figure, percent, scaled } from "../words.js";
import { Judge } from "./judge.js";
import type { ResolvedSweep } from "./load.js";
import type { PlannedPoint, SweepPlan } from "./plan.js";

/** The library, loaded once the first point is. */
type Library = typeof import("../../index.js");

const titles: Record<MeasureName, string> = { knn: "k-NN", linear: "linear", finetune: "fine-tuning" };

export class Standing {
  readonly #results = new Map<string, PointResult>();
  #baselines: readonly BaselineRow[] = [];

  private constructor(
    private readonly library: Library,
    private readonly resolved: ResolvedSweep,
    readonly plan: SweepPlan,
    private readonly folder: SweepFolder,
    private readonly measures: readonly MeasureName[],
    private readonly judgeOf: Judge,
  ) {}

  static async open(
    resolved: ResolvedSweep,
    plan: SweepPlan,
    folder: SweepFolder,
    signal: AbortSignal,
  ): Promise<Standing> {
    const library = await import("../../index.js");
    const measures = library.measuresOf(resolved.sweep.evaluate);
    const judge = new Judge(resolved.sweep.evaluate, measures, signal);
    const standing = new Standing(library, resolved, plan, folder, measures, judge);
    for (const planned of plan.points) standing.refresh(planned);
    return standing;
  }

  /** What lies on the disk of a point. */
  stored(id: string): PointState {
    return this.library.readPoint(this.folder.path, id);
  }

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
    const { openRun, summarize } = this.library;
    const { steps, ...summary } = summarize(openRun(this.folder.run(id)).events);
    const known = { loss: summary.smoothedLoss, heldOutLoss: summary.heldOutLoss, seconds: summary.trainingSeconds };
    if (results.failure !== undefined) return { status: "failed", ...known, failure: results.failure.message };
    if (run.status !== "finished") return { status: "running", ...known };
    const measured = Object.entries(results.measures).filter(([, { step }]) => step === steps);
    const accuracies = Object.fromEntries(measured.map(([name, { accuracy }]) => [name, accuracy]));
    return { status: this.judgeOf.isComplete(results, steps) ? "done" : "trained", ...known, accuracies };
  }

  /** @param tell how far fine-tuning is */
  async judge(planned: PlannedPoint, tell: (share: number, text: string) => void): Promise<void> {
    const { id } = planned.point;
    const { run, results } = this.stored(id);
    const step = run?.derived["steps"] ?? 0;
    const trained = this.folder.run(id);
    const measures = await this.judgeOf.judge(trained, step, results);
    this.folder.save(id, { measures });
    this.refresh(planned);
    const where = { run: trained, step, out: join(this.folder.path, "finetuned", id) };
    this.folder.save(id, { measures: await this.judgeOf.finetune(where, this.stored(id).results, tell) });
    this.refresh(planned);
  }

  /** Raw pixels, and the encoders before training: once for each kind of picture and of model. */
  async judgeBaselines(tell: (what: string) => void): Promise<void> {
    if (!this.resolved.sweep.evaluate.baselines) return;
    this.#baselines = [];
    for (const { name, kind, planned } of distinct(this.plan.points)) {
      const id = kind === "pixels" ? `_${name.replaceAll(/\W+/g, "-")}` : `_untrained-${planned.point.id}`;
      tell(name);
      const measures = await this.judgeOf.judgeBaseline(kind, planned.config, this.stored(id).results);
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
    const { csvText, markdownText, summarizeSweep, writeAtomic, writePlots } = this.library;
    const inFileOrder = this.resolved.points.map((point) => this.of(point));
    const summary = summarizeSweep(this.resolved.sweep, inFileOrder, this.#baselines);
    const at = (name: string): string => join(this.folder.path, name);
    const plots = await writePlots(this.folder.path, summary);
    const picture = plots === undefined ? "" : "\n![The table as curves](plots.svg)\n";
    writeAtomic(at("table.md"), markdownText(summary) + picture);
    writeAtomic(at("table.csv"), csvText(summary));
    writeAtomic(at("table.json"), `${JSON.stringify({ formatVersion: 1, ...summary }, null, 2)}\n`);
    return { summary, files: ["table.md", "table.csv", "table.json"].map(at).concat(Object.values(plots ?? {})) };
  }

  /** A line a point, in the order in which they are run, with a title above. */
  lines(): string[] {
    return tableLines([
      ["", "point", "work", "state", ...this.measures.map((name) => titles[name]), "loss", "training"],
      ...this.plan.points.map((planned, i) => this.#cells(planned, i)),
    ]).map((line) => `  ${line}`);
  }

  line(planned: PlannedPoint): string {
    return this.lines()[1 + this.plan.points.indexOf(planned)] ?? "";
  }

  #cells(planned: PlannedPoint, index: number): string[] {
    const { status, accuracies, loss, seconds, failure } = this.of(planned);
    const left = this.#secondsFor(planned.cost);
    const time =
      seconds !== undefined && seconds > 0 ? duration(seconds) : left === undefined ? "" : `about ${duration(left)}`;
    const accuracy = (name: MeasureName): string => (accuracies[name] === undefined ? "" : percent(accuracies[name]));
    return [
      `${index + 1}`,
      planned.point.id,
      scaled(planned.cost),
      failure === undefined ? status : `failed: ${failure.slice(0, 60)}`,
      ...this.measures.map(accuracy),
      loss === undefined || !Number.isFinite(loss) ? "" : figure(loss),
      time,
    ];
  }

  /** By the speed of the points that are trained; undefined before the first. */
  #secondsFor(cost: number): number | undefined {
    const trained = [...this.#results.values()].filter(({ status }) => status === "done" || status === "trained");
    const sum = (of: (result: PointResult) => number | undefined): number =>
      trained.reduce((total, result) => total + (of(result) ?? 0), 0);
    const seconds = sum((result) => result.seconds);
    return seconds > 0 ? (cost * seconds) / sum((result) => result.cost) : undefined;
  }

  #set({ point, cost }: PlannedPoint, status: PointStatus, known: Partial<PointResult>): void {
    const unknown = { seconds: undefined, loss: undefined, heldOutLoss: undefined, accuracies: {}, failure: undefined };
    this.#results.set(point.id, { point, status, cost, ...unknown, ...known });
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
