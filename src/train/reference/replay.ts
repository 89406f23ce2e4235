import { autocast, noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { buildMethod } from "../../methods/index.js";
import type { Loss, Method, Step } from "../../methods/method.js";
import { alone } from "../../methods/world.js";
import { denseEncoder } from "../../models/encoder.js";
import { buildEncoder } from "../../models/index.js";
import { loadState } from "../../models/weights.js";
import { cellMask } from "../../nn/convolution/visible-cells.js";
import { buildOptimizer } from "../../optim/build.js";
import { decayScaleAt } from "../../optim/schedule.js";
import { stack } from "../../tensor/creation.js";
import { backward } from "../../tensor/grad.js";
import { Rng } from "../../tensor/random.js";
import { withRandom } from "../../tensor/step-random.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Recorded } from "./recorded.js";
import { ScriptedRng } from "./scripted-random.js";

/** Our numbers, under the names that the file has for the official ones. */
export type Numbers = Map<string, Tensor>;

/** Weights that are moved by a rounding or so before the first step: which draw; 0 leaves them. */
export type Nudge = number;
const nudgeSize = 1e-7; // of each weight

/** PyTorch counts a batch norm's batches; we do not where nothing reads it. */
const isCounter = (name: string): boolean => name.endsWith("num_batches_tracked");

/** The method that was recorded, with its weights, in training. */
function build(recorded: Recorded, nudge: Nudge): Method {
  const { config } = recorded;
  const method = buildMethod(config.method, () => buildEncoder(config.model, config.image));
  try {
    load(recordedState(method, recorded), recorded, nudge);
  } catch (error) {
    method.close();
    throw error;
  }
  method.setTraining(true);
  return method;
}

/** The state but for what of the encoder is frozen and unknown to the official code: a norm that only classifiers use. */
function recordedState(method: Method, recorded: Recorded): ReadonlyMap<string, Tensor> {
  const frozen = new Set<Tensor>([...method.encoder.state().values()].filter(({ requiresGrad }) => !requiresGrad));
  const known = new Set(recorded.below("weight/"));
  return new Map([...method.state()].filter(([name, value]) => known.has(name) || !frozen.has(value)));
}

function load(state: ReadonlyMap<string, Tensor>, recorded: Recorded, nudge: Nudge): void {
  const { file } = recorded;
  const names = recorded.below("weight/").filter((name) => !isCounter(name) || state.has(name));
  const source = {
    path: file.path,
    names: names.map((name) => `weight/${name}`),
    entry: (name: string) => file.entry(name),
    read: (name: string) => file.read(name),
  };
  loadState(state, source, { prefix: "weight/" });
  if (nudge > 0) noGrad(() => scope(() => move(state, new Rng(nudge, "nudge"))));
}

function move(state: ReadonlyMap<string, Tensor>, rng: Rng): void {
  for (const [name, value] of state) {
    if (value.dtype !== "float32") continue;
    const by = rng.fork(name).normal(value.shape).reshape(value.shape);
    value.copy_(value.add(value.mul(by).mul(nudgeSize)));
  }
}

/** A built method and what it is called with. */
class Replay {
  readonly method: Method;
  readonly batch: Readonly<Record<string, Tensor>>;
  readonly #rng: Rng;
  readonly #progress: readonly number[];

  constructor(recorded: Recorded, nudge: Nudge) {
    const read = (prefix: string): [string, Tensor][] =>
      recorded.below(prefix).map((name) => [name, recorded.read(prefix + name)]);
    this.method = build(recorded, nudge);
    this.batch = Object.fromEntries(read("view/"));
    const pictures = Object.values(this.batch)[0]?.side(0) ?? 0;
    const samples = Array.from({ length: pictures }, (_, i) => i);
    this.#rng = new ScriptedRng(new Map(read("draw/")), "", 0, samples);
    this.#progress = recorded.config.progress;
  }

  step(index: number): Step {
    return { index, epoch: 0, progress: this.#progress[index] ?? 1, rng: this.#rng, world: alone };
  }

  /** As the trainer calls it, in float32. */
  loss(index: number): Loss {
    const step = this.step(index);
    return withRandom(step.rng.fork("layers"), () => {
      const rows = { start: 0, end: this.#rng.samples.length };
      const batch = this.method.prepare?.(this.batch, step)(rows) ?? this.batch;
      return autocast("float32", () => this.method.call(batch, step), "cpu");
    });
  }

  [Symbol.dispose](): void {
    this.method.close();
  }
}

/** The first step: what a model gives that fills in pictures or encodes visible cells, loss and its parts, gradients. */
export function firstNumbers(recorded: Recorded, nudge: Nudge = 0): Numbers {
  using replay = new Replay(recorded, nudge);
  const numbers: Numbers = noGrad(() => outputs(recorded, replay));
  const loss = replay.loss(0);
  numbers.set("loss", loss.total.detach());
  for (const [name, part] of Object.entries(loss.parts ?? {})) numbers.set(`part/${name}`, part.detach());
  backward(loss.total);
  for (const { name, tensor } of replay.method.parameters())
    if (tensor.grad !== undefined) numbers.set(`grad/${name}`, tensor.grad.clone());
  return numbers;
}

/** Of methods that hide parts of a picture: the mask that they draw, and what they make of the rest. */
function outputs(recorded: Recorded, replay: Replay): Numbers {
  const { method } = replay;
  const image = replay.batch["image"];
  if (image === undefined || !recorded.has("out/mask")) return new Map();
  const { mask, latent, prediction } = method.reconstruct?.(image, replay.step(0)) ?? {};
  const made = Object.entries({ "out/mask": mask, "out/latent": latent, "out/pred": prediction });
  const numbers: Numbers = new Map(
    made.flatMap(([name, value]) => (value !== undefined && recorded.has(name) ? [[name, value] as const] : [])),
  );
  if (recorded.has("sparse/features") && denseEncoder.is(method.encoder)) {
    const hidden = recorded.read("out/mask"); // [B N]
    numbers.set("sparse/features", method.encoder.encodeMasked(image, cellMask(hidden))); // [B D h w]
  }
  return numbers;
}

/** Losses before each step, and the state after the last. */
export function stepNumbers(recorded: Recorded, nudge: Nudge = 0): Numbers {
  using replay = new Replay(recorded, nudge);
  const { method } = replay;
  const { optim, rates, finalWeightDecay } = recorded.config;
  const optimizer = buildOptimizer(optim, method.parameters(), (parameter) => method.ruleFor?.(parameter));
  const losses = rates.map((learningRate, index) =>
    scope(() => {
      optimizer.zeroGrad();
      const loss = replay.loss(index).total;
      backward(loss);
      noGrad(() => method.beforeUpdate?.(replay.step(index), method.parameters()));
      const decayScale = decayScaleAt(
        { weightDecay: optim.weightDecay, finalWeightDecay },
        replay.step(index).progress,
      );
      optimizer.step({ learningRate, peakRate: Math.max(...rates), decayScale });
      optimizer.zeroGrad();
      noGrad(() => method.afterStep?.(replay.step(index)));
      return loss.detach();
    }),
  );
  optimizer.close();
  const after = [...recordedState(method, recorded)].map(
    ([name, value]) => [`after/${name}`, value.detach().clone()] as const,
  );
  return new Map([["steps.loss", stack(losses)], ...after]);
}
