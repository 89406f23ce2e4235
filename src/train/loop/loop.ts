/** The loop of every kind of run: steps, and what happens between them, as typed events. */
import { glanceAt } from "../../data/doctor/glance.js";
import type { Batch, Loader } from "../../data/loader.js";
import type { Source } from "../../data/source.js";
import { sharesText } from "../../data/sources/labelled.js";
import { StateError } from "../../engine/errors.js";
import { trimMemory } from "../../engine/scope.js";
import { badInput } from "../../inspect/input.js";
import type { Method } from "../../methods/method.js";
import type { Encoder } from "../../models/encoder.js";
import type { RunEvent } from "../../runs/schema.js";
import type { PixelBatch } from "../batch.js";
import { type CheckpointContent, pruneCheckpoints, writeBest, writeCheckpoint } from "../checkpoint.js";
import type { Derived } from "../config.js";
import { describeInput } from "../watch/input.js";
import { Updates } from "../watch/updates.js";
import type { Budget } from "./budget.js";
import { openProbes, type Probe, type Probes } from "./probes.js";
import { openTrainingLoader, type Session } from "./session.js";
import type { LoopConfig } from "./task.js";

/** What watches a run from outside; none of it changes the numbers. */
export interface LoopOptions {
  /** Aborted: the run saves a checkpoint at the end of the step and ends as "interrupted". */
  readonly signal?: AbortSignal;
  readonly probes?: Probes;
}

/** A run that is open and has not begun. */
export interface Prepared<C extends LoopConfig> {
  readonly config: C;
  readonly derived: Derived;
  readonly method: Method;
  readonly encoder: Encoder;
  readonly source: Source;
  readonly startStep: number;
  /** Of a new run whose length was given in minutes. */
  readonly budget: Budget | undefined;
}

/** A run: iterate it to make it happen. Its events are also in the run folder. */
export class Run<C extends LoopConfig = LoopConfig> implements AsyncIterable<RunEvent> {
  readonly #open: () => Promise<Session<C>>;
  readonly #options: LoopOptions;
  #session: Session<C> | undefined;
  #hasFailed = false;

  constructor(open: () => Promise<Session<C>>, options: LoopOptions) {
    this.#open = open;
    this.#options = options;
  }

  /** Opens data, model and folder without training yet; iterating does it too. @returns config and derived numbers */
  async prepare(): Promise<Prepared<C>> {
    this.#session ??= await this.#open();
    const { config, derived, trainer, source, start, budget } = this.#session;
    const { method } = trainer;
    return { config, derived, method, encoder: method.outcome, source, startStep: start.step, budget };
  }

  async *[Symbol.asyncIterator](): AsyncIterator<RunEvent> {
    this.#session ??= await this.#open();
    try {
      yield* train(this.#session, this.#options);
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
  }

  /** The encoder that the run is for, as it is now (a teacher's, where that is kept); it belongs to the run and ends with it. */
  get encoder(): Encoder {
    if (this.#session === undefined)
      throw new StateError({
        problem: "the run has not begun.",
        code: "state",
        expected: "a run under way",
        actual: "one that has not begun, or has ended",
        remedy: "Iterate it first.",
      });
    return this.#session.trainer.method.outcome;
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    try {
      await session?.writer?.close();
    } catch (error) {
      if (!this.#hasFailed) throw error; // on a full disk closing fails too: what ended the run says more
    } finally {
      session?.trainer.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function* train(session: Session, options: LoopOptions): AsyncGenerator<RunEvent, void> {
  const began = performance.now();
  const { writer, start } = session;
  const log = (event: RunEvent): RunEvent => {
    if (!session.logged.has(event)) writer?.append(event);
    return event;
  };
  yield log({
    type: "start",
    time: new Date().toISOString(),
    step: start.step,
    pid: process.pid,
    ...(start.resumed ? { resumedFrom: start.step } : {}),
  });
  for (const message of session.warnings) yield log({ type: "warning", step: start.step, code: "resume", message });
  const loop = new Loop(session, options);
  const seconds = (): number => (performance.now() - began) / 1000;
  try {
    for await (const event of loop.run()) yield log(event);
    yield log({
      type: "end",
      step: loop.step,
      reason: loop.interrupted ? "interrupted" : "finished",
      seconds: seconds(),
    });
  } catch (error) {
    endAsFailed(log, {
      type: "end",
      step: loop.step,
      reason: "failed",
      message: (error as Error).message,
      seconds: seconds(),
    });
    throw error;
  }
}

/** On a full disk the event cannot be written either; what ended the run is what the caller has to hear. */
function endAsFailed(log: (event: RunEvent) => RunEvent, event: RunEvent): void {
  try {
    log(event);
  } catch {
    // the error that ended the run says more
  }
}

/** Rare enough to cost nothing, often enough that holes do not pile up. */
const stepsBetweenTrims = 50;

/**
 * Copies of weights above this number of bytes go back to the system when they are released. A step that begins on fresh pages takes 1.4
 * times as long with a small model.
 */
const largeCopy = 2 ** 28;

/** The loop itself: steps, and what happens between them. */
class Loop {
  step: number;
  interrupted = false;
  readonly #session: Session;
  readonly #signal: AbortSignal | undefined;
  readonly #options: LoopOptions;
  #probes: readonly Probe[] = [];
  readonly #updates: Updates;
  #ratios: Readonly<Record<string, number>> | undefined;
  /** The best score so far, by the task's own measure. */
  #best: number;
  #checkpointAt = performance.now();
  #lastSaved = -1;

  constructor(session: Session, options: LoopOptions) {
    this.#session = session;
    this.step = session.start.step;
    this.#signal = options.signal;
    this.#options = options;
    this.#updates = new Updates(session.trainer, session.derived.steps);
    this.#best = session.best;
  }

  async *run(): AsyncGenerator<RunEvent, void> {
    const { derived } = this.#session;
    if (this.step >= derived.steps) return;
    yield* this.#missingProbes();
    const { config, trainer, source, heldOut } = this.#session;
    const setting = { config, source, precision: trainer.precision, heldOut: heldOut?.source };
    this.#probes = await openProbes(this.#options.probes ?? [], setting);
    if (this.step === 0) {
      yield* this.#classShares();
      for (const { warnings = [] } of this.#probes)
        for (const warning of warnings) yield { type: "warning", step: 0, ...warning };
      if (!this.#session.logged.isProbed) yield* this.#probe(({ atStart }) => atStart === true);
    }
    const loader = openTrainingLoader(this.#session);
    try {
      yield* this.#steps(loader);
    } finally {
      await loader.close();
    }
    yield* this.#save();
    if (!this.interrupted) yield* this.#session.pictures?.draw(this.step) ?? [];
  }

  async *#steps(loader: Loader): AsyncGenerator<RunEvent, void> {
    const { derived } = this.#session;
    const from = { epoch: Math.floor(this.step / derived.stepsPerEpoch), batch: this.step % derived.stepsPerEpoch };
    let before = performance.now();
    for await (const batch of loader.batches(from)) {
      if (this.#signal?.aborted === true) {
        this.interrupted = true;
        return;
      }
      for (const { sample, path, code, reason } of batch.bad)
        yield { type: "badFile", step: this.step, sample, path, code, reason };
      if (this.step === this.#session.start.step) yield* this.#input(batch);
      const event = this.#train(batch);
      const now = performance.now();
      yield { ...event, seconds: (now - before) / 1000 };
      before = now;
      yield* this.#between();
      if (this.step >= derived.steps) return;
    }
  }

  /** What the first batch looks like, and at once what is wrong with it. */
  async *#input({ views }: Batch): AsyncGenerator<RunEvent, void> {
    const { config, source, trainer } = this.#session;
    const [view] = Object.values(views) as [PixelBatch];
    const { mean, std } = config.data;
    const seen = describeInput(view, { mean, std, patch: trainer.encoder.stride });
    const { pictures: _, ...stored } = this.step === 0 ? await glanceAt(source, config.data) : { pictures: 0 };
    const event: RunEvent = { type: "input", step: this.step, ...seen, ...stored };
    yield event;
    const bad = badInput([event], {}, config.data);
    if (bad === undefined) return;
    const message = [bad.headline, ...bad.causes].slice(0, 2).join(" ");
    yield { type: "warning", step: this.step, code: bad.suspect ?? bad.status, message };
  }

  #train(batch: Batch): Extract<RunEvent, { type: "step" }> {
    const { trainer, derived } = this.#session;
    const { epoch, labels, captions, views } = batch;
    const given = { epoch, samples: Array.from(batch.samples), labels, captions, views };
    const watched = this.#updates.watch(this.step + 1);
    const { loss, learningRate, gradNorm, parts } = trainer.step(given, this.step, watched?.around);
    this.#ratios = watched?.ratios;
    if (watched !== undefined && watched.bytes > largeCopy) trimMemory(); // what is looked at next must not stand on top of it
    this.step += 1;
    return {
      type: "step",
      step: this.step,
      epoch: this.step / derived.stepsPerEpoch,
      loss,
      learningRate,
      gradNorm,
      samples: this.step * derived.effectiveBatch,
      seconds: 0,
      waitSeconds: batch.waitMs / 1000,
      ...(Object.keys(parts).length > 0 ? { parts: { ...parts } } : {}),
    };
  }

  /** What is due after a step: held-out loss, probes, pictures, a checkpoint. */
  async *#between(): AsyncGenerator<RunEvent, void> {
    const { config, derived, heldOut, trainer } = this.#session;
    const due = (epochs: number): boolean =>
      this.step === derived.steps || this.step % Math.max(1, Math.round(epochs * derived.stepsPerEpoch)) === 0;
    if (this.#ratios !== undefined) yield { type: "update", step: this.step, ratios: this.#ratios };
    if (heldOut !== undefined && due(config.log.heldOutEpochs)) {
      const { means, ...judged } = await heldOut.measure(trainer);
      const { loss, ...more } = means;
      const epoch = this.step / derived.stepsPerEpoch;
      const kind = trainer.method.score === undefined ? "parts" : "scores";
      const scored = Object.keys(more).length > 0 ? { [kind]: more } : {};
      yield { type: "heldOut", step: this.step, epoch, loss, ...judged, ...scored };
      if (kind === "scores") this.#keepBest(more);
    }
    yield* this.#probe(({ everyEpochs }) => everyEpochs !== undefined && due(everyEpochs));
    yield* this.#session.pictures?.ifDue(this.step) ?? [];
    if (this.step % stepsBetweenTrims === 0) trimMemory();
    const { checkpointSeconds, checkpointSteps } = config.log;
    const late = performance.now() - this.#checkpointAt > checkpointSeconds * 1000;
    if (late || (checkpointSteps !== undefined && this.step % checkpointSteps === 0)) yield* this.#save();
  }

  /** Accuracies of pictures whose classes have other shares than the ones that are learned from say less. */
  *#classShares(): Generator<RunEvent, void> {
    const { source, heldOut, trainer } = this.#session;
    if (heldOut === undefined || trainer.method.score === undefined) return;
    const message = sharesText(source.classes ?? [], source.labels ?? [], heldOut.source.labels ?? []);
    if (message !== undefined) yield { type: "warning", step: this.step, code: "class-shares", message };
  }

  /** Training knows no evaluation, so `log.probe` alone does nothing. */
  *#missingProbes(): Generator<RunEvent, void> {
    const { everyEpochs = 0 } = this.#session.config.log.probe ?? {};
    if (everyEpochs === 0 || this.#options.probes !== undefined) return;
    const message = "log.probe asks for probes, but the run was given none: pass { probes: featureProbes }.";
    yield { type: "warning", step: this.step, code: "no-probes", message };
  }

  async *#probe(isDue: (probe: Probe) => boolean): AsyncGenerator<RunEvent, void> {
    for (const probe of this.#probes.filter(isDue)) {
      for await (const [name, value, more] of probe.run(this.#session.trainer.method, { step: this.step }))
        yield { type: "probe", step: this.step, name, value, ...more };
    }
  }

  *#save(): Generator<RunEvent, void> {
    const { writer, config } = this.#session;
    if (writer === undefined || this.#lastSaved === this.step || this.step === this.#session.start.step) return;
    const began = performance.now();
    writer.sync();
    const { path, bytes } = writeCheckpoint(writer.folder, this.#content());
    pruneCheckpoints(writer.folder, config.log.keepCheckpoints);
    this.#checkpointAt = performance.now();
    this.#lastSaved = this.step;
    yield {
      type: "checkpoint",
      step: this.step,
      path: path.slice(writer.folder.length + 1),
      bytes,
      seconds: (this.#checkpointAt - began) / 1000,
    };
  }

  /** Keeps the model with the best score beside the last one; of equal ones the first. */
  #keepBest(scores: Readonly<Record<string, number>>): void {
    const { trainer, writer } = this.#session;
    const { bestBy } = trainer.method;
    const score = bestBy === undefined ? undefined : scores[bestBy];
    if (score === undefined || score <= this.#best) return;
    this.#best = score;
    if (writer !== undefined) writeBest(writer.folder, this.#content());
  }

  #content(): CheckpointContent {
    const { trainer, config, derived } = this.#session;
    return {
      position: { step: this.step, samples: this.step * derived.effectiveBatch },
      architecture: trainer.architecture,
      config,
      model: trainer.state(),
      optimizer: trainer.optimizer,
    };
  }
}
