/** Runs a sweep in front of a person: points in their order, each trained, judged and entered into table and plots. */
import type { Run, SweepFolder, SweepSummary } from "../../index.js";
import type { LiveTable, Report } from "../report.js";
import { paceText } from "../training/pace.js";
import { listenForSignals } from "../training/signals.js";
import type { ResolvedSweep } from "./load.js";
import type { PlannedPoint, SweepPlan } from "./plan.js";
import { Standing } from "./standing.js";

export interface SweepOutcome {
  readonly folder: string;
  readonly exitCode: number;
  readonly finished: number;
  readonly failed: number;
  readonly waiting: number;
  readonly seconds: number;
  readonly files: readonly string[];
  readonly summary: SweepSummary;
  /** For people. */
  readonly table: readonly (readonly string[])[];
}

export interface RunSweepOptions {
  readonly folder: string;
  readonly command: string;
  /** Train failed points again. */
  readonly retry: boolean;
}

export async function runSweep(
  resolved: ResolvedSweep,
  plan: SweepPlan,
  report: Report,
  options: RunSweepOptions,
): Promise<SweepOutcome> {
  const { SweepFolder: Folder, tableRows } = await import("../../index.js");
  const began = performance.now();
  using interruption = listenForSignals(() =>
    report.line("Stopping: the point under way saves itself at the end of this step. (Again to end at once.)"),
  );
  const points = plan.points.map(({ point, config }) => ({ id: point.id, config }));
  using folder = await Folder.open(options.folder, { title: resolved.sweep.title, command: options.command, points });
  const standing = await Standing.open(resolved, plan, folder, interruption.signal);
  const live = await report.liveTable(standing.lines());
  const runner = new Runner(standing, folder, report, live, interruption.signal, options);
  try {
    await runner.run();
  } finally {
    live.stop();
  }
  const { summary, files } = await standing.write();
  const counted = standing.counts();
  return {
    folder: options.folder,
    exitCode: runner.interrupted ? (interruption.exitCode ?? 0) : counted.failed > 0 ? 1 : 0,
    ...counted,
    seconds: (performance.now() - began) / 1000,
    files,
    summary,
    table: tableRows(summary),
  };
}

class Runner {
  interrupted = false;

  constructor(
    private readonly standing: Standing,
    private readonly folder: SweepFolder,
    private readonly report: Report,
    private readonly live: LiveTable,
    private readonly signal: AbortSignal,
    private readonly options: RunSweepOptions,
  ) {}

  async run(): Promise<void> {
    try {
      await this.standing.judgeBaselines((what) => this.live.update(0, `judging ${what}`));
      for (const planned of this.standing.plan.points) {
        const before = this.standing.of(planned);
        if (before.status === "done" || (before.status === "failed" && !this.options.retry)) continue;
        await this.#point(planned);
        await this.standing.write();
        this.#tell(planned);
        if (this.interrupted) return;
      }
    } catch (error) {
      if (!this.signal.aborted || error !== this.signal.reason) throw error;
      this.interrupted = true;
    }
  }

  async #point(planned: PlannedPoint): Promise<void> {
    const { id } = planned.point;
    if (this.standing.of(planned).status !== "trained") {
      this.standing.begin(planned);
      this.live.show(this.standing.lines());
      if (!(await this.#train(planned))) return;
    }
    this.standing.refresh(planned);
    this.live.show(this.standing.lines());
    this.live.update(1, `${id} · judging`);
    await this.standing.judge(planned, (share, text) => this.live.update(share, `${id} · fine-tuning · ${text}`));
    this.live.show(this.standing.lines());
  }

  /** @returns whether it is trained to its end */
  async #train({ point, config }: PlannedPoint): Promise<boolean> {
    const { id } = point;
    await using run = await this.#open({ point, config });
    try {
      const { derived } = await run.prepare();
      const { Pace } = await import("../../public/runs.js");
      const pace = new Pace({ steps: derived.steps, epochs: config.epochs, batch: derived.effectiveBatch });
      for await (const event of run) {
        if (event.type === "step") {
          pace.add(event);
          this.live.update(pace.share, `${id} · ${paceText(pace)}`);
        }
        if (event.type === "warning") this.report.line(`${id}: warning: ${event.message}`);
        if (event.type === "end" && event.reason === "interrupted") this.interrupted = true;
      }
      return !this.interrupted;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code !== "non-finite") throw error; // a full disk or a missing folder would end the next point too
      this.standing.fail(id, { code, message, step: 0 });
      return false;
    }
  }

  async #open({ point, config }: Pick<PlannedPoint, "point" | "config">): Promise<Run> {
    const { pretrain, resume } = await import("../../index.js");
    const out = this.folder.run(point.id);
    const { signal } = this;
    const { run, results } = this.standing.stored(point.id);
    if (run === undefined || results.failure !== undefined) {
      this.folder.save(point.id, { measures: {} });
      return pretrain(config, { out, overwrite: true, command: this.options.command, signal });
    }
    const { workers } = config.data;
    return resume(out, { signal, ...(workers === "auto" ? {} : { workers }) });
  }

  #tell(planned: PlannedPoint): void {
    this.standing.refresh(planned);
    this.live.show(this.standing.lines());
    if (!this.live.isRewritten && !this.interrupted) this.report.line(this.standing.line(planned));
  }
}
