/** How a trained point is judged: whatever of its measures is not known yet for its checkpoint and this setting. */
import type { Evaluate, Measurement, MeasureName, PointResults, RunConfig, Source } from "../../index.js";
import { type Measure, type Measured, measure, measurePixels, measureUntrained } from "../measure/evaluation.js";
import { openPair } from "../measure/labelled.js";

export class Judge {
  #pair: Promise<{ train: Source; test: Source }> | undefined;

  constructor(
    private readonly evaluate: Evaluate,
    private readonly measures: readonly MeasureName[],
    private readonly signal: AbortSignal,
  ) {}

  /** Whether all is known of a run that ended at `step`. */
  isComplete(results: PointResults, step: number): boolean {
    return this.#missing(results, step).length === 0;
  }

  /** Measures what is missing of a trained run. @returns all that is known of it then @throws the signal's reason */
  async judge(run: string, step: number, results: PointResults): Promise<PointResults["measures"]> {
    const missing = this.#missing(results, step);
    if (missing.length === 0) return results.measures;
    const { loadModel } = await import("../../index.js");
    using model = loadModel(run);
    const found = await this.#measure(model.config, missing, (setting) =>
      measure("", (images) => model.encoder.features(images), setting),
    );
    return { ...results.measures, ...this.#record(found, missing, step) };
  }

  /** The same of what has not been trained, kept under the step 0. */
  async judgeBaseline(
    kind: "pixels" | "untrained",
    config: RunConfig,
    results: PointResults,
  ): Promise<PointResults["measures"]> {
    const missing = this.#missing(results, 0);
    if (missing.length === 0) return results.measures;
    const found = await this.#measure(config, missing, kind === "pixels" ? measurePixels : measureUntrained);
    return this.#record(found, missing, 0);
  }

  async #measure(
    config: RunConfig,
    measures: readonly Measure[],
    how: (setting: Parameters<typeof measure>[2]) => Promise<Measured>,
  ): Promise<Measured> {
    const { evaluate } = this;
    this.#pair ??= openPair(evaluate.train, evaluate.test, evaluate.limit);
    const { train, test } = await this.#pair;
    this.signal.throwIfAborted();
    return how({ config, train, test, measures, k: this.#k, signal: this.signal });
  }

  get #k(): number {
    return this.evaluate.knn === false ? 0 : this.evaluate.knn.k;
  }

  #missing({ measures }: PointResults, step: number): Measure[] {
    return this.measures.filter((name): name is Measure => {
      const known = measures[name];
      return known === undefined || known.step !== step || known.setting !== this.#setting(name);
    });
  }

  #setting(measure: MeasureName): string {
    const { train, test, limit } = this.evaluate;
    return JSON.stringify({ train, test, limit, ...(measure === "knn" ? { k: this.#k } : {}) });
  }

  #record(found: Measured, measures: readonly Measure[], step: number): Record<string, Measurement> {
    const seconds = found.seconds / measures.length;
    return Object.fromEntries(
      measures.map((name) => [name, { step, setting: this.#setting(name), accuracy: found[name] ?? 0, seconds }]),
    );
  }
}
