/** Runs a run in front of a person: what it is at the start, a live line, and what came of it. */
import { join } from "node:path";
import type { Run, RunEvent, Source, Verdict } from "../../index.js";
import type { FrozenAccuracy, Pace, ProbeSummary, RunAccuracy } from "../../public/runs.js";
import type { AnyConfig, Budget } from "../../public/train.js";
import type { Live, Report } from "../report.js";
import { duration, figure, quoted, whole } from "../words.js";
import { accuracyLine, accuracyLines, frozenLines, frozenText } from "./accuracy.js";
import { costRows } from "./cost.js";
import { paceText } from "./pace.js";
import { gainsText, probeText } from "./probes.js";
import { listenForSignals } from "./signals.js";
import { tellVerdict } from "./verdict.js";
import { waitAdvice } from "./waiting.js";

export interface Watched {
  readonly folder: string;
  /** Of this command: 0, or the code of a saved run that was interrupted. */
  readonly exitCode: number;
  readonly steps: number;
  /** False where the run had been finished before. */
  readonly isNew: boolean;
  readonly loss: number;
  readonly heldOutLoss: number | undefined;
  readonly seconds: number;
  /** How long it was to take, where that was said. */
  readonly minutes: number | undefined;
  readonly previews: readonly string[];
  readonly badFiles: number;
  readonly verdict: Verdict;
  /** Whether it learned classes: a supervised run. */
  readonly isClassifier: boolean;
  /** What the features gained, where probes classified. */
  readonly gains: string | undefined;
  /** Of supervised training with held-out pictures. */
  readonly accuracy: RunAccuracy | undefined;
  /** Of supervised training: its encoder's k-NN and exact probe before the first step. */
  readonly frozen: readonly FrozenAccuracy[];
  readonly curves: { readonly svg: string; readonly png: string } | undefined;
}

/** Steps and seconds after which the speed is known well enough to say how long the run takes. */
const settled = { steps: 4, seconds: 4 };
/** The first batches wait for the threads to start; after this number it is known whether a run waits. */
const stepsToAdvice = 100;
const shownBadFiles = 5;

/** @param makeRun gets the signal that Ctrl-C gives @param minutes of a run whose length was said so */
export async function watchRun(
  makeRun: (signal: AbortSignal) => Run<AnyConfig>,
  folder: string,
  report: Report,
  minutes?: number,
): Promise<Watched> {
  using interruption = listenForSignals(() =>
    report.line("Stopping: the run saves itself at the end of this step. (Again to end at once.)"),
  );
  await using run = makeRun(interruption.signal);
  const began = performance.now();
  if (minutes !== undefined) report.line("Timing some steps, to settle how many there will be …");
  const watcher = await Watcher.begin(run, folder, report);
  try {
    for await (const event of run) watcher.see(event);
  } catch (error) {
    watcher.stop();
    watcher.tellSaved();
    throw error;
  }
  watcher.stop();
  const seconds = (performance.now() - began) / 1000;
  return {
    ...(await watcher.result()),
    seconds,
    minutes,
    exitCode: watcher.interrupted ? (interruption.exitCode ?? 0) : 0,
  };
}

function budgetRow(budget: Budget | undefined): string[][] {
  if (budget === undefined) return [];
  const { minutes, steps, stepSeconds, timed } = budget;
  const pace = `${figure(1000 * stepSeconds)} ms, as ${whole(timed)} took that were timed`;
  return [["budget", `${duration(60 * minutes)}: ${whole(steps)} steps of ${pace}`]];
}

/** What is made of the probes of a step. */
interface Summaries {
  readonly probes: (events: readonly RunEvent[]) => ProbeSummary[];
  readonly frozen: (events: readonly RunEvent[]) => FrozenAccuracy[];
}

class Watcher {
  interrupted = false;
  #badFiles = 0;
  #loss = Number.NaN;
  #step: number;
  /** Step of the last checkpoint. */
  #saved: number;
  #firstSteps = 0;
  #toldTime = false;
  #advised = false;
  #toldPart = -1;
  /** Of the step at hand. */
  #probed: Extract<RunEvent, { type: "probe" }>[] = [];
  readonly #began = performance.now();

  private constructor(
    private readonly folder: string,
    private readonly report: Report,
    private readonly pace: Pace,
    private readonly live: Live,
    private readonly neighbours: number,
    private readonly advice: (waitShare: number) => string | undefined,
    private readonly summaries: Summaries,
    start: number,
  ) {
    this.#step = start;
    this.#saved = start;
  }

  static async begin(run: Run<AnyConfig>, folder: string, report: Report): Promise<Watcher> {
    const { config, derived, source, startStep, budget } = await run.prepare();
    const { steps, effectiveBatch, learningRate, warmupSteps } = derived;
    const base = `${config.optim.baseLearningRate} × ${effectiveBatch} / 256`;
    report.table(
      [
        ["run", folder],
        ["pictures", `${whole(source.size)}, ${derived.stepsPerEpoch} steps an epoch`],
        ...(await classRow(config, source)),
        ...(await costRows(config)),
        ["batch", `${effectiveBatch}${config.optim.accumulate > 1 ? `, in ${config.optim.accumulate} parts` : ""}`],
        ["learning rate", `${figure(learningRate)} = ${base}, warm-up ${warmupSteps} of ${steps} steps`],
        ["precision", `${config.precision} on ${config.device}`],
        ...budgetRow(budget),
        ...(startStep > 0 && startStep < steps ? [["goes on at", `step ${startStep} of ${steps}`]] : []),
      ],
      2,
    );
    report.line();
    const neighbours = "probe" in config.log ? config.log.probe.k : 0;
    const { Pace: RunPace } = await import("../../public/runs.js");
    const pace = new RunPace({ steps, epochs: config.epochs, batch: effectiveBatch });
    const { isJpegName } = await import("../../public/data.js");
    const { machineLimits } = await import("../../public/plan.js");
    const { frozenAccuracies, probeSummaries } = await import("../../public/runs.js");
    const { content } = source;
    const hasJpegs = content.kind === "files" && content.paths.some(isJpegName);
    const facts = { cores: machineLimits().cores, hasJpegs };
    const advice = (waitShare: number) => waitAdvice(waitShare, config.data, facts);
    const live = await report.live("run");
    const summaries = { probes: probeSummaries, frozen: frozenAccuracies };
    if (startStep === 0 && "from" in config && config.log.frozenLabels > 0)
      report.line("Measuring k-NN and the exact linear probe of the frozen encoder …");
    return new Watcher(folder, report, pace, live, neighbours, advice, summaries, startStep);
  }

  see(event: RunEvent): void {
    if (event.type !== "probe") this.#tellProbes(this.#step);
    switch (event.type) {
      case "step":
        this.#seeStep(event);
        break;
      case "preview":
        this.report.line(`picture: ${join(this.folder, event.path)}`);
        break;
      case "heldOut":
        this.#seeScores(event);
        break;
      case "probe":
        this.#probed.push(event);
        break;
      case "badFile":
        this.#seeBadFile(event);
        break;
      case "warning":
        this.report.line(`warning: ${event.message}`);
        break;
      case "end":
        this.interrupted = event.reason === "interrupted";
        break;
      case "start":
      case "input":
      case "update":
        break;
      case "checkpoint":
        this.#saved = event.step;
        break;
    }
  }

  /** All of one step in one line. */
  #tellProbes(step: number): void {
    const [probes, frozen] = [this.summaries.probes(this.#probed), this.summaries.frozen(this.#probed)];
    if (probes.length > 0) this.report.line(probeText(step, probes, this.neighbours));
    if (frozen.length > 0) this.report.line(frozenText(frozen));
    this.#probed = [];
  }

  #seeStep(event: Extract<RunEvent, { type: "step" }>): void {
    this.#step = event.step;
    this.#firstSteps++;
    this.pace.add(event);
    this.#loss = this.pace.loss;
    this.#tellTime();
    this.#advise();
    this.live.update(this.pace.share, paceText(this.pace));
  }

  #advise(): void {
    if (this.#advised || this.#firstSteps < stepsToAdvice) return;
    this.#advised = true;
    const advice = this.advice(this.pace.waitShare);
    if (advice !== undefined) this.report.line(advice);
  }

  #tellTime(): void {
    const isSettled = this.#firstSteps >= settled.steps && performance.now() - this.#began >= settled.seconds * 1000;
    if (this.#toldTime || !isSettled) return;
    this.#toldTime = true;
    const left = this.pace.secondsLeft;
    if (left < 60) return;
    const until = new Date(Date.now() + left * 1000).toLocaleString("en-GB", {
      dateStyle: "medium",
      timeStyle: "short",
    });
    const rate = Math.round(this.pace.imagesPerSecond);
    this.report.line(`${rate} images/s: the run will take about ${duration(left)} more, until ${until}.`);
  }

  /** About twenty lines a run. */
  #seeScores({ epoch, scores }: Extract<RunEvent, { type: "heldOut" }>): void {
    const part = Math.floor(20 * this.pace.share);
    if (scores === undefined || part === this.#toldPart) return;
    this.#toldPart = part;
    this.report.line(accuracyLine(epoch, scores));
  }

  #seeBadFile({ path, code, reason }: Extract<RunEvent, { type: "badFile" }>): void {
    this.#badFiles++;
    if (this.#badFiles <= shownBadFiles) this.report.line(`skipped ${path}: ${code}: ${reason}`);
    if (this.#badFiles === shownBadFiles) this.report.line("further bad pictures are listed in events.jsonl only");
  }

  stop(): void {
    this.live.stop();
  }

  /** Of a run that failed: what is left of it. */
  tellSaved(): void {
    const go = `lacuna resume ${quoted(this.folder)}`;
    if (this.#saved > 0) this.report.line(`Saved up to step ${this.#saved}. Go on with: ${go}`);
    else this.report.line(`No checkpoint was saved yet: ${go} begins anew.`);
  }

  async result(): Promise<Omit<Watched, "seconds" | "minutes" | "exitCode">> {
    const { frozenAccuracies, heldOutAccuracy, judgeRun, summarize } = await import("../../public/runs.js");
    const { opened, verdict, curves } = await judgeRun(this.folder);
    const { probeSummaries } = await import("../../public/runs.js");
    const { smoothedLoss = Number.NaN, heldOutLoss, badFiles } = summarize(opened.events);
    return {
      folder: this.folder,
      steps: this.#step,
      isNew: this.#firstSteps > 0,
      loss: this.#firstSteps > 0 ? this.#loss : smoothedLoss,
      heldOutLoss,
      previews: opened.events.flatMap((event) => (event.type === "preview" ? [join(this.folder, event.path)] : [])),
      badFiles,
      verdict,
      isClassifier: "task" in opened.run.config,
      gains: gainsText(probeSummaries(opened.events), this.neighbours),
      accuracy: heldOutAccuracy(opened.events),
      frozen: frozenAccuracies(opened.events),
      curves,
    };
  }
}

/** Which captions and classes a run learns or is probed by, before it does; fine-tuning names them before. */
async function classRow(config: AnyConfig, source: Source): Promise<string[][]> {
  const { classes } = source;
  if ("task" in config) return [];
  const { methods } = await import("../../public/methods.js");
  const { captionsText, classesText } = await import("../../public/data.js");
  const { columns } = methods.get(config.method.name);
  const captioned = columns.includes("text") ? [["captions", captionsText(source)]] : [];
  if (classes === undefined) return captioned;
  const isLearned = columns.includes("label");
  const isProbed = config.log.probe.everyEpochs !== 0;
  const use = isLearned ? "learned" : isProbed ? "for the probes only" : undefined;
  return [...captioned, ...(use === undefined ? [] : [["labels", `${classesText(classes)} (${use})`]])];
}

/** What came of it, and what to do next. */
export function tellResult(report: Report, watched: Watched): void {
  const { folder, previews, curves, badFiles, steps, loss, heldOutLoss, seconds, accuracy, frozen, gains } = watched;
  const held = heldOutLoss === undefined ? "" : `, on held-out pictures ${figure(heldOutLoss)}`;
  report.line();
  const came = `${steps} steps, loss ${figure(loss)}${held}`;
  if (steps === 0) report.line("No step was taken.");
  else if (watched.isNew) report.line(`${came}, in ${duration(seconds)}.`);
  else report.line(`This run is finished, with nothing left to do: ${came}.`);
  const late = lateText(watched);
  if (late !== undefined) report.line(late);
  if (badFiles > 0)
    report.line(`${badFiles} pictures could not be read and were replaced: see ${join(folder, "events.jsonl")}`);
  tellVerdict(report, watched.verdict);
  if (gains !== undefined) report.line(`Since before training: ${gains}.`);
  if (accuracy !== undefined) for (const line of accuracyLines(accuracy)) report.line(line);
  for (const line of frozenLines(frozen)) report.line(line);
  if (curves !== undefined) report.line(`Curves: ${curves.png} (and .svg)`);
  if (previews.length > 0) report.line(`Last picture: ${previews.at(-1)}`);
  if (watched.exitCode !== 0) {
    report.line(`Saved. Go on with: lacuna resume ${quoted(folder)}`);
    return;
  }
  report.line("Next:");
  const next = nextCommands(folder, { isClassifier: watched.isClassifier, fillsIn: previews.length > 0 });
  for (const command of next) report.line(`  ${command}`);
}

/** Beyond this share of its budget a run took too long. */
const tolerated = 1.15;

/** Of a run whose steps took longer than those that were timed. */
export function lateText({ minutes, seconds }: Pick<Watched, "minutes" | "seconds">): string | undefined {
  if (minutes === undefined || seconds <= tolerated * 60 * minutes) return undefined;
  return `Its budget was ${duration(60 * minutes)}: the machine was faster when steps were timed.`;
}

/** @param fillsIn whether it drew pictures of what it fills in */
function nextCommands(
  folder: string,
  { isClassifier, fillsIn }: { isClassifier: boolean; fillsIn: boolean },
): string[] {
  const run = quoted(folder);
  if (isClassifier) {
    return [`lacuna predict ${run} <pictures>`, `lacuna evaluate classifier ${run}`];
  }
  return [
    ...(fillsIn ? [`lacuna reconstruct ${run} <pictures> --out rebuilt.png`] : []),
    `lacuna embed ${run} <pictures> --out features.npy`,
    `lacuna evaluate knn ${run} --data <pictures in a folder for each class>`,
  ];
}
