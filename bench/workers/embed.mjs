// Features of pictures in memory, as `lacuna embed` takes them: the mean of the patch tokens, in float32.
import { libtorchVersion } from "../../dist/engine/device.js";
import { autocast, noGrad, setThreads, threads } from "../../dist/engine/modes.js";
import { scope } from "../../dist/engine/scope.js";
import { loadInputs } from "./models.mjs";

class Embedding {
  constructor({ inputs, precision, settings }) {
    this.precision = precision;
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
