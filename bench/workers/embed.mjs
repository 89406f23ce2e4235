// Features of pictures in memory, as `lacuna embed` takes them: the mean of the patch tokens, in float32.
import { libtorchVersion } from "../../dist/engine/device.js";
import { autocast, noGrad, setThreads, threads } from "../../dist/engine/modes.js";
import { scope } from "../../dist/engine/scope.js";
import { matrixRate, stepOperations } from "./matrix.mjs";
import { loadInputs } from "./models.mjs";

class Embedding {
  constructor({ inputs, precision, settings }) {
    this.precision = precision;
    this.settings = settings;
    const { model, tensors } = loadInputs(inputs, settings);
    this.model = model;
    this.model.setTraining(false);
    this.image = tensors.image;
  }

  #features() {
    return autocast(this.precision, () => this.model.features(this.image)).float(); // [B D]
  }

  check() {
    return { values: noGrad(() => scope(() => [...this.#features().slice(0, 0, 4).toArray()])) };
  }

  /** What a step computes, and the rate of this machine's products: operations, and operations a second. */
  rate() {
    const { precision, settings, image } = this;
    const run = (model, given) => autocast(precision, () => model.features(given.image));
    const operations = stepOperations(settings, { image }, run, { backward: false });
    return { operations, rate: matrixRate(precision) };
  }

  step() {
    const began = performance.now();
    noGrad(() => scope(() => this.#features().toArray()));
    return { milliseconds: performance.now() - began };
  }
}

export function open(options) {
  setThreads(options.threads);
  const worker = new Embedding(options);
  return { worker, about: { threads: threads(), version: libtorchVersion() } };
}
