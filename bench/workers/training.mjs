// Training steps of Lacuna. One is what Trainer and Supervised do for images already in memory: forward, backward, AdamW.
import { libtorchVersion } from "../../dist/engine/device.js";
import { autocast, noGrad, setThreads, threads } from "../../dist/engine/modes.js";
import { scope } from "../../dist/engine/scope.js";
import { alone } from "../../dist/methods/world.js";
import { AdamW } from "../../dist/optim/adamw.js";
import { gradientNorm } from "../../dist/optim/clip.js";
import { layerDecayGroups, weightDecayGroups } from "../../dist/optim/groups.js";
import { crossEntropy } from "../../dist/tensor/functional.js";
import { backward } from "../../dist/tensor/grad.js";
import { learningRate } from "../cases/index.mjs";
import { loadInputs } from "./models.mjs";

/** Hands the method the noise of the file where it would draw its own: `random` masks ask for nothing else. */
function givenNoise(noise) {
  const rng = { fork: () => rng, uniform: () => noise };
  return rng;
}

/** How the model of a kind is asked for its loss, and how it is optimised. */
const kinds = {
  pretrain({ model, tensors: { image, noise } }, { weightDecay }) {
    const eachNoise = noise.unbind(0); // [B N] for each of eight steps
    return {
      groups: weightDecayGroups(model.parameters(), weightDecay),
      betas: [0.9, 0.95],
      loss: (precision, index) => {
        const rng = givenNoise(eachNoise[index % eachNoise.length]);
        return autocast(precision, () => model.call({ image }, { index, epoch: 0, progress: 0, rng, world: alone }))
          .total;
      },
    };
  },
  finetune({ model, tensors: { image, targets } }, { weightDecay, layerDecay, depth }) {
    return {
      groups: layerDecayGroups(model.parameters(), {
        weightDecay,
        layerDecay,
        depth,
        layerOf: (name) => model.encoder.layerOf(name),
      }),
      betas: [0.9, 0.999],
      loss: (precision) =>
        crossEntropy(
          autocast(precision, () => model.call(image)),
          targets,
        ),
    };
  },
};

class Training {
  #steps = 0;

  constructor({ inputs, precision, settings }) {
    this.precision = precision;
    const loaded = loadInputs(inputs, settings);
    this.model = loaded.model;
    this.model.setTraining(true);
    const { groups, betas, loss } = kinds[settings.kind](loaded, settings);
    this.loss = loss;
    this.rate = learningRate(settings);
    this.optimizer = new AdamW(groups, { betas, epsilon: 1e-8 });
  }

  check({ precision }) {
    return { values: [noGrad(() => scope(() => this.loss(precision, 0).item()))] };
  }

  /** `withNorm`: also what Trainer logs at every step; the peers compute none, so it is left out of the pairs. */
  step({ withNorm = false }) {
    const began = performance.now();
    const answer = scope(() => {
      const total = scope(() => {
        const loss = this.loss(this.precision, this.#steps);
        backward(loss);
        return loss.item();
      });
      const normBegan = performance.now();
      if (withNorm) gradientNorm(this.model.parameters()).item();
      const normMilliseconds = performance.now() - normBegan;
      this.optimizer.step(this.rate);
      this.optimizer.zeroGrad();
      return { loss: total, normMilliseconds };
    });
    this.#steps += 1;
    return { milliseconds: performance.now() - began, ...answer };
  }
}

export function open(options) {
  setThreads(options.threads);
  const worker = new Training(options);
  return { worker, about: { threads: threads(), version: libtorchVersion() } };
}
