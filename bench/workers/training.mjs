// Training steps of Lacuna. One is what the trainer does for images already in memory: forward, backward, the update, what the method does
// before and after it.
import { libtorchVersion } from "../../dist/engine/device.js";
import { autocast, noGrad, setThreads, threads } from "../../dist/engine/modes.js";
import { scope } from "../../dist/engine/scope.js";
import { alone } from "../../dist/methods/world.js";
import { AdamW } from "../../dist/optim/adamw.js";
import { gradientNorm } from "../../dist/optim/clip.js";
import { layerDecayGroups, ruledGroups } from "../../dist/optim/groups.js";
import { Sgd } from "../../dist/optim/sgd.js";
import { crossEntropy } from "../../dist/tensor/functional.js";
import { backward } from "../../dist/tensor/grad.js";
import { learningRate } from "../cases/index.mjs";
import { matrixRate, stepOperations } from "./matrix.mjs";
import { loadInputs } from "./models.mjs";

/** Hands the method the noise of the file where it would draw its own: `random` masks ask for nothing else. */
function givenNoise(noise) {
  const rng = { fork: () => rng, uniform: () => noise };
  return rng;
}

const groupsOfMethod = (model, { weightDecay }) =>
  ruledGroups(model.parameters(), weightDecay, (parameter) => model.ruleFor?.(parameter));

const adamw =
  (...betas) =>
  (groups) =>
    new AdamW(groups, { betas, epsilon: 1e-8 });

const stepOf = (index) => ({ index, epoch: 0, progress: 0, world: alone });

/** A method that hides what the noise of the file says. */
const masked = {
  groups: groupsOfMethod,
  optimizer: adamw(0.9, 0.95),
  loss(model, { image, noise }, index) {
    const rng = givenNoise(noise.select(0, index % noise.side(0))); // [B N] of one of eight steps
    return model.call({ image }, { ...stepOf(index), rng }).total;
  },
};

/** How the model of a kind is asked for its loss, and how it is optimised: with what belongs to the method, without what is only logged. */
const kinds = {
  pretrain: masked,
  fcmae: masked,
  mocoV3: {
    groups: groupsOfMethod,
    optimizer: adamw(0.9, 0.999),
    loss: (model, { image, second }, index) => model.call({ first: image, second }, stepOf(index)).total,
  },
  simsiam: {
    groups: groupsOfMethod,
    optimizer: (groups) => new Sgd(groups, { momentum: 0.9 }),
    /** One more than the negative cosine, which begins near zero, where rounding looks large. */
    loss: (model, { image, second }, index) => model.call({ first: image, second }, stepOf(index)).total.add(1),
  },
  dino: {
    groups: groupsOfMethod,
    optimizer: adamw(0.9, 0.999),
    loss: (model, { image, second, ...locals }, index) =>
      model.call({ global1: image, global2: second, ...locals }, stepOf(index)).total,
    /** A forward pass in training moves the centre. */
    isStillInChecks: true,
    before: (model, index) => model.beforeUpdate(stepOf(index), model.parameters()),
    after: (model, index) => noGrad(() => model.afterStep(stepOf(index))),
  },
  finetune: {
    groups: (model, { weightDecay, layerDecay, depth }) =>
      layerDecayGroups(model.parameters(), {
        weightDecay,
        layerDecay,
        depth,
        layerOf: (name) => model.encoder.layerOf(name),
      }),
    optimizer: adamw(0.9, 0.999),
    loss: (model, { image, targets }) => crossEntropy(model.call(image).float(), targets),
  },
};

class Training {
  #steps = 0;

  constructor({ inputs, precision, settings }) {
    this.precision = precision;
    this.settings = settings;
    const { model, tensors } = loadInputs(inputs, settings);
    this.model = model;
    this.tensors = tensors;
    this.model.setTraining(true);
    const { groups, optimizer, loss, before, after, isStillInChecks = false } = kinds[settings.kind];
    Object.assign(this, { lossOf: loss, before, after, isStillInChecks });
    this.optimizer = optimizer(groups(model, settings));
  }

  loss(precision, index) {
    return autocast(precision, () => this.lossOf(this.model, this.tensors, index));
  }

  check({ precision }) {
    this.model.setTraining(!this.isStillInChecks);
    const values = [noGrad(() => scope(() => this.loss(precision, 0).item()))];
    this.model.setTraining(true);
    return { values };
  }

  /** What a step computes, and the rate of this machine's products: operations, and operations a second. */
  rate() {
    const { precision, settings, tensors } = this;
    const run = (model, given) => autocast(precision, () => this.lossOf(model, given, 0));
    return { operations: stepOperations(settings, tensors, run, { backward: true }), rate: matrixRate(precision) };
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
      this.before?.(this.model, this.#steps);
      this.optimizer.step(learningRate(this.settings));
      this.after?.(this.model, this.#steps);
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
