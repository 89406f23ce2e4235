import { setImmediate as nextTurn } from "node:timers/promises";
import type { Batch, Loader } from "../data/loader.js";
import type { Source } from "../data/source.js";
import { LacunaError } from "../engine/errors.js";
import { trimMemory } from "../engine/scope.js";
import type { Method } from "../methods/method.js";
import type { Vit } from "../models/vit.js";
import type { RunEvent } from "../runs/schema.js";
import type { PixelBatch } from "./batch.js";
import { architecture, pruneCheckpoints, writeCheckpoint } from "./checkpoint.js";
import { type Derived, parseConfig, type RunConfig, type RunConfigInput } from "./config.js";
import {
  openNew,
  openResumed,
  openTrainingLoader,
  type PretrainOptions,
  type ResumeOptions,
  type Session,
} from "./session.js";
import type { Precision } from "./trainer.js";
import { describeInput } from "./watch/input.js";
import { PreviewPictures } from "./watch/pictures.js";
import { Updates } from "./watch/updates.js";

/** A measurement of the features while training, handed in by the caller; it draws no random numbers of the run. */
export interface Probe {
  readonly everyEpochs: number;
  /** Also before the first step of a new run. */
  readonly atStart?: boolean;
  run(encoder: Vit, at: { step: number }): AsyncIterable<readonly [name: string, value: number]>;
}

/** What a run's probes may know of it. */
export interface ProbeSetting {
  readonly config: RunConfig;
  readonly precision: Precision;
  readonly source: Source;
  readonly heldOut: Source | undefined;
}

/** What watches a run from outside; none of it changes the numbers. */
export interface LoopOptions {
  /** Aborted: the run saves a checkpoint at the end of the step and ends as "interrupted". */
  readonly signal?: AbortSignal;
  /** Probes, or what makes them once data and model are open: `featureProbes` for those of `log.probe`. */
  readonly probes?: readonly Probe[] | ((setting: ProbeSetting) => Promise<readonly Probe[]>);
}

/** A pre-training run: iterate it to make it happen. Its events are also in the run folder. */
export class Run implements AsyncIterable<RunEvent> {
  readonly #open: () => Promise<Session>;
  readonly #options: LoopOptions;
  #session: Session | undefined;

  constructor(open: () => Promise<Session>, options: LoopOptions) {
    this.#open = open;
    this.#options = options;
  }

  /** Opens data, model and folder without training yet; iterating does it too. @returns config and derived numbers */
  async prepare(): Promise<{
    config: RunConfig;
    derived: Derived;
    method: Method;
    encoder: Vit;
    source: Source;
    startStep: number;
  }> {
    this.#session ??= await this.#open();
    const { config, derived, trainer, source, start } = this.#session;
    return { config, derived, method: trainer.method, encoder: trainer.encoder, source, startStep: start.step };
  }

  async *[Symbol.asyncIterator](): AsyncIterator<RunEvent> {
    this.#session ??= await this.#open();
    yield* train(this.#session, this.#options);
  }

  /** The encoder as it is now; it belongs to the run and ends with it. */
  get encoder(): Vit {
    if (this.#session === undefined)
      throw new LacunaError("the run has not begun.", { code: "state", remedy: "Iterate it first." });
    return this.#session.trainer.encoder;
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    try {
      await session?.writer?.close();
    } finally {
      session?.trainer.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Describes a new run; iterate the result. @throws ConfigError at once; the rest when it begins */
export function pretrain(input: RunConfigInput, options: PretrainOptions & LoopOptions = {}): Run {
  const config = parseConfig(input);
  return new Run(() => openNew(config, options), options);
}

/** Describes the continuation of a stopped run: loss trace and weights are those of a run that never stopped. */
export function resume(folder: string, options: ResumeOptions & LoopOptions = {}): Run {
  return new Run(() => openResumed(folder, options), options);
}

async function* train(session: Session, options: LoopOptions): AsyncGenerator<RunEvent, void> {
  const began = performance.now();
  const { writer, start } = session;
  const log = (event: RunEvent): RunEvent => {
    writer?.append(event);
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

/** The loop itself: steps, and what happens between them. */
class Loop {
  step: number;
  interrupted = false;
  readonly #session: Session;
  readonly #signal: AbortSignal | undefined;
  readonly #options: LoopOptions;
  #probes: readonly Probe[] = [];
  readonly #previews: PreviewPictures;
  readonly #updates: Updates;
  #ratios: Record<string, number> | undefined;
  #checkpointAt = performance.now();
  #lastSaved = -1;

  constructor(session: Session, options: LoopOptions) {
    this.#session = session;
    this.step = session.start.step;
    this.#signal = options.signal;
    this.#options = options;
    this.#updates = new Updates(session.trainer.method, session.derived.steps);
    this.#previews = new PreviewPictures(
      session.config,
      session.trainer,
      session.writer?.folder,
      session.heldOut?.source ?? session.source,
    );
  }

  async *run(): AsyncGenerator<RunEvent, void> {
    const { derived } = this.#session;
    if (this.step >= derived.steps) return;
    yield* this.#missingProbes();
    this.#probes = await this.#openProbes();
    if (this.step === 0) yield* this.#probe(({ atStart }) => atStart === true);
    const loader = openTrainingLoader(this.#session);
    try {
      yield* this.#steps(loader);
    } finally {
      await loader.close();
    }
    yield* this.#save();
    if (!this.interrupted) yield* this.#previews.draw(this.step);
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
      if (this.step === this.#session.start.step) yield this.#input(batch);
      const event = this.#train(batch);
      const now = performance.now();
      yield { ...event, seconds: (now - before) / 1000 };
      before = now;
      yield* this.#between();
      await nextTurn(); // signals, timers and sockets get their turn
      if (this.step >= derived.steps) return;
    }
  }

  #input({ views }: Batch): RunEvent {
    const { config, trainer } = this.#session;
    const [view] = Object.values(views) as [PixelBatch];
    const { mean, std } = config.data;
    return { type: "input", step: this.step, ...describeInput(view, { mean, std, patch: trainer.encoder.patchSize }) };
  }

  #train(batch: Batch): Extract<RunEvent, { type: "step" }> {
    const { trainer, derived } = this.#session;
    const given = { epoch: batch.epoch, samples: Array.from(batch.samples), views: batch.views };
    const { result, ratios } = this.#updates.watch(this.step + 1, () => trainer.step(given, this.step));
    this.#ratios = ratios;
    this.step += 1;
    const { loss, learningRate, gradNorm, parts } = result;
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
      yield {
        type: "heldOut",
        step: this.step,
        epoch: this.step / derived.stepsPerEpoch,
        loss: await heldOut.loss(trainer),
      };
    }
    yield* this.#probe(({ everyEpochs }) => due(everyEpochs));
    yield* this.#previews.ifDue(this.step);
    if (this.step % stepsBetweenTrims === 0) trimMemory();
    const { checkpointSeconds, checkpointSteps } = config.log;
    const late = performance.now() - this.#checkpointAt > checkpointSeconds * 1000;
    if (late || (checkpointSteps !== undefined && this.step % checkpointSteps === 0)) yield* this.#save();
  }

  /** Training knows no evaluation, so `log.probe` alone does nothing. */
  *#missingProbes(): Generator<RunEvent, void> {
    const { everyEpochs = 0 } = this.#session.config.log.probe;
    if (everyEpochs === 0 || this.#options.probes !== undefined) return;
    const message = "log.probe asks for probes, but the run was given none: pass { probes: featureProbes }.";
    yield { type: "warning", step: this.step, code: "no-probes", message };
  }

  async #openProbes(): Promise<readonly Probe[]> {
    const { probes = [] } = this.#options;
    if (typeof probes !== "function") return probes;
    const { config, trainer, source, heldOut } = this.#session;
    return probes({ config, source, precision: trainer.precision, heldOut: heldOut?.source });
  }

  async *#probe(isDue: (probe: Probe) => boolean): AsyncGenerator<RunEvent, void> {
    for (const probe of this.#probes.filter(isDue)) {
      for await (const [name, value] of probe.run(this.#session.trainer.encoder, { step: this.step }))
        yield { type: "probe", step: this.step, name, value };
    }
  }

  *#save(): Generator<RunEvent, void> {
    const { writer, trainer, config, derived } = this.#session;
    if (writer === undefined || this.#lastSaved === this.step || this.step === this.#session.start.step) return;
    const began = performance.now();
    writer.sync();
    const { path, bytes } = writeCheckpoint(writer.folder, {
      position: { step: this.step, samples: this.step * derived.effectiveBatch },
      architecture: architecture(config),
      config,
      model: trainer.method.state(),
      optimizer: trainer.optimizer,
    });
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
}
