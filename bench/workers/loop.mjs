// Pre-training as `lacuna pretrain` does it: the loader with its threads, what makes tensors of its bytes, Trainer's step. Or
// the same steps on one batch whose bytes are in memory already: what data cost is the difference.
import { setImmediate as nextTurn } from "node:timers/promises";
import { libtorchVersion } from "../../dist/engine/device.js";
import { setThreads, threads } from "../../dist/engine/modes.js";
import { derive, parseConfig } from "../../dist/train/config.js";
import { openTrainingLoader } from "../../dist/train/loop/session.js";
import { trainingOf } from "../../dist/train/pretrain.js";
import { Trainer } from "../../dist/train/trainer.js";
import { openPictures } from "./crops.mjs";

/**
 * Steps before those that are timed: as many as the loader's queue has places. Every iteration begins with an empty queue, and
 * an ended one decodes no more, so that nothing was decoded while the other side computed; what is ahead when the clock starts was
 * decoded beside these steps, and about as much is ahead when it stops.
 */
const untimedSteps = 3;

function configOf(settings, source) {
  const { width, depth, heads, patchSize, imageSize, batch, baseLearningRate, weightDecay } = settings;
  const { decoderWidth, decoderDepth, decoderHeads, maskRatio } = settings;
  const decoder = { width: decoderWidth, depth: decoderDepth, heads: decoderHeads };
  return parseConfig({
    epochs: 1000,
    model: { name: "vit", width, depth, heads, patchSize },
    method: { name: "mae", maskRatio, decoder },
    data: { source: source.spec, imageSize, batchSize: batch },
    optim: { name: "adamw", baseLearningRate, weightDecay },
  });
}

/** What the step takes of a loader's batch; `copied`: it outlives the next one. */
function given({ epoch, samples, labels, views }, copied = false) {
  const kept = Object.entries(views).map(([name, view]) => [
    name,
    copied ? { ...view, data: view.data.slice() } : view,
  ]);
  return { epoch, samples: Array.from(samples), labels, views: Object.fromEntries(kept) };
}

class Training {
  #steps = 0;

  constructor(settings, source, precision) {
    this.settings = settings;
    this.config = configOf(settings, source);
    this.derived = derive(this.config, source.size);
    this.trainer = new Trainer(this.config, this.derived, precision, trainingOf(this.config));
    const parts = { config: this.config, trainer: this.trainer, source, writer: undefined, knownBad: [] };
    this.loader = openTrainingLoader(parts);
  }

  /** The first batch, to keep. */
  async first() {
    for await (const batch of this.loader.batches({ epoch: 0, batch: 0 })) return given(batch, true);
  }

  async check() {
    return { values: [this.trainer.evaluate(await this.first()).means.loss] };
  }

  /** Batches without an end from where the last step stood. */
  batches() {
    const { stepsPerEpoch } = this.derived;
    const [epoch, batch] = [Math.floor(this.#steps / stepsPerEpoch), this.#steps % stepsPerEpoch];
    return this.loader.batches({ epoch, batch });
  }

  async step() {
    const { steps } = this.settings;
    let [done, began] = [0, 0];
    for await (const batch of this.batches()) {
      if (done === untimedSteps) began = performance.now();
      this.trainer.step(given(batch), this.#steps++);
      await nextTurn(); // as the loop of a run does
      if (++done === untimedSteps + steps) return { milliseconds: (performance.now() - began) / steps };
    }
  }

  async close() {
    await this.loader.close();
    this.trainer.close();
  }
}

/** The same batch again and again. */
class InMemory extends Training {
  async *batches() {
    this.batch ??= await this.first();
    for (;;) yield this.batch;
  }
}

export async function open(options) {
  setThreads(options.threads);
  const { settings, side, precision } = options;
  const source = await openPictures(options);
  const worker = new (side === "memory" ? InMemory : Training)(settings, source, precision);
  return { worker, about: { threads: threads(), version: libtorchVersion() } };
}
