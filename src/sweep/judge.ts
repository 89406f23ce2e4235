/** How a trained point is judged: whatever of its measures is not known yet for its checkpoint and this setting. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openTrainTest, type TrainTest } from "../data/sources/train-test.js";
import {
  type Measure,
  type Measured,
  type MeasureSetting,
  measureEncoder,
  rawPixels,
  withUntrained,
} from "../evaluate/encoder.js";
import type { FinetuneConfigInput } from "../finetune/config.js";
import { finetune } from "../finetune/finetune.js";
import { resume } from "../finetune/resume.js";
import { openRun } from "../runs/reader.js";
import { scoresOfRun, summarize } from "../runs/summary.js";
import { loadModel, withMethod } from "../train/checkpoints/load.js";
import type { RunConfig } from "../train/config.js";
import { Pace } from "../train/watch/pace.js";
import type { Evaluate, MeasureName } from "./define.js";
import type { Measurement, PointResults } from "./folder.js";

/** What is fine-tuned: said in the file, over the published recipe of the encoder's size. */
export function finetuningConfig({ train, test, finetune }: Evaluate, from: string): FinetuneConfigInput {
  const { data, ...said } = (finetune ?? {}) as Partial<FinetuneConfigInput>;
  return { ...said, from, data: { source: train, heldOut: test, ...data } } as FinetuneConfigInput;
}

/** Knows what is measured of a sweep's points, and measures what is missing. */
export class Judge {
  #pair: Promise<TrainTest> | undefined;

  constructor(
    readonly evaluate: Evaluate,
    private readonly measures: readonly MeasureName[],
    private readonly signal: AbortSignal,
  ) {}

  /** Whether all is known of a run that ended at `step`. */
  isComplete(results: PointResults, step: number): boolean {
    return this.measures.every((name) => this.#isKnown(name, results, step));
  }

  /** Measures what is missing of a trained run. @returns all that is known of it then @throws the signal's reason */
  async judge(run: string, step: number, results: PointResults): Promise<PointResults["measures"]> {
    const missing = this.#missing(results, step);
    if (missing.length === 0) return results.measures;
    using model = loadModel(run);
    const found = await this.#measure(withMethod(model).config, missing, (setting) =>
      measureEncoder({ name: "", encode: (images) => model.features(images) }, setting),
    );
    return { ...results.measures, ...this.#record(found, missing, step) };
  }

  /**
   * Fine-tunes a trained run's encoder, or goes on with it: a run folder of its own below `out`, another one for another
   * setting. @returns all that is known then @throws the signal's reason
   */
  async finetune(
    { run, step, out }: { run: string; step: number; out: string },
    results: PointResults,
    tell: (pace: Pace) => void,
  ): Promise<PointResults["measures"]> {
    if (!this.measures.includes("finetune") || this.#isKnown("finetune", results, step)) return results.measures;
    const setting = this.#setting("finetune");
    const name = createHash("sha256").update(`${setting} ${step}`).digest("hex").slice(0, 8);
    const found = await this.#finetuned(join(out, name), run, tell);
    return { ...results.measures, finetune: { step, setting, ...found } };
  }

  async #finetuned(
    folder: string,
    from: string,
    tell: (pace: Pace) => void,
  ): Promise<Omit<Measurement, "step" | "setting">> {
    const { signal } = this;
    const begun = existsSync(join(folder, "run.json"));
    await using run = begun
      ? resume(folder, { signal })
      : finetune(finetuningConfig(this.evaluate, from), { out: folder, command: "lacuna sweep", signal });
    const { derived, config } = await run.prepare();
    const pace = new Pace({ steps: derived.steps, epochs: config.epochs, batch: derived.effectiveBatch });
    for await (const event of run) {
      if (event.type !== "step") continue;
      pace.add(event);
      tell(pace);
    }
    signal.throwIfAborted();
    const { events } = openRun(folder);
    const { scores = {}, pictures } = scoresOfRun(events).at(-1) ?? {};
    const { top1 = 0, meanPerClass } = scores;
    return { accuracy: top1, meanPerClass, pictures, seconds: summarize(events).trainingSeconds };
  }

  /** The same of what has not been trained, kept under the step 0. */
  async judgeBaseline(
    kind: "pixels" | "untrained",
    config: RunConfig,
    results: PointResults,
  ): Promise<PointResults["measures"]> {
    const missing = this.#missing(results, 0);
    if (missing.length === 0) return results.measures;
    const found = await this.#measure(config, missing, (setting) =>
      kind === "pixels"
        ? measureEncoder(rawPixels, setting)
        : withUntrained(config, (encoder) => measureEncoder(encoder, setting)),
    );
    return this.#record(found, missing, 0);
  }

  async #measure(
    config: RunConfig,
    measures: readonly Measure[],
    how: (setting: MeasureSetting) => Promise<Measured>,
  ): Promise<Measured> {
    const { evaluate } = this;
    this.#pair ??= openTrainTest(evaluate, evaluate.limit);
    const { train, test } = await this.#pair;
    this.signal.throwIfAborted();
    return how({ config, train, test, measures, k: this.#k, signal: this.signal });
  }

  get #k(): number {
    return this.evaluate.knn === false ? 0 : this.evaluate.knn.k;
  }

  /** Of those on frozen features. */
  #missing(results: PointResults, step: number): Measure[] {
    const isFrozen = (name: MeasureName): name is Measure => name !== "finetune";
    return this.measures.filter(isFrozen).filter((name) => !this.#isKnown(name, results, step));
  }

  #isKnown(name: MeasureName, { measures }: PointResults, step: number): boolean {
    const known = measures[name];
    return known !== undefined && known.step === step && known.setting === this.#setting(name);
  }

  #setting(measure: MeasureName): string {
    const { train, test, limit, finetune } = this.evaluate;
    if (measure === "finetune") return JSON.stringify({ train, test, finetune });
    return JSON.stringify({ train, test, limit, ...(measure === "knn" ? { k: this.#k } : {}) });
  }

  #record(found: Measured, measures: readonly Measure[], step: number): Record<string, Measurement> {
    const seconds = found.seconds / measures.length;
    return Object.fromEntries(
      measures.map((name) => {
        const accuracy = {
          accuracy: found[name] ?? 0,
          meanPerClass: found.meanPerClass[name],
          pictures: found.pictures,
        };
        return [name, { step, setting: this.#setting(name), ...accuracy, seconds }];
      }),
    );
  }
}
