/**
 * The attentive probe: one learned query takes from all tokens of a frozen encoder, and a linear layer classifies what it took. Chen et al.,
 * "Context Autoencoder for Self-Supervised Representation Learning", IJCV 2023, arXiv 2202.03026; official code Atten4Vis/CAE
 * (`AttentiveBlock`, run_attentive.py).
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { meanPerClass } from "../../data/sources/labelled.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { CrossAttention } from "../../nn/attention.js";
import { BatchNorm1d } from "../../nn/batch-norm.js";
import { drawAnew, normal, truncatedNormal, zero } from "../../nn/init.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import { Module, Parameter } from "../../nn/module.js";
import { weightDecayGroups } from "../../optim/groups.js";
import { warmupCosine } from "../../optim/schedule.js";
import { Sgd } from "../../optim/sgd.js";
import { crossEntropy, linear } from "../../tensor/functional.js";
import { backward } from "../../tensor/grad.js";
import { Rng } from "../../tensor/random.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";
import { checkLabelled } from "../features/extract.js";
import { bestOf } from "../probes/linear-probe.js";

const epsilon = 1e-6;

/** tokens [N T D] -> each with mean 0 and variance 1, which layer norms of keys and values begin with */
export function normalizeTokens(tokens: Tensor): Tensor {
  const centred = tokens.sub(tokens.mean([-1], true)); // [N T D]
  return centred.div(centred.mul(centred).mean([-1], true).add(epsilon).sqrt());
}

/**
 * One query takes from tokens. Since it is the same for all pictures, it goes through the keys' weights in place of the tokens, and what it
 * took goes through the values': the official block to rounding, for a small part of its work. Norms of keys and values are of tokens that
 * `normalizeTokens` has normalised.
 */
class AttentiveBlock extends Module<[query: Tensor, tokens: Tensor], Tensor> {
  readonly normQ: LayerNorm;
  readonly normK: LayerNorm;
  readonly normV: LayerNorm;
  readonly crossAttn: CrossAttention;

  constructor(
    readonly width: number,
    readonly heads: number,
  ) {
    super();
    this.crossAttn = new CrossAttention(width, heads); // first, for it checks the heads
    this.normQ = new LayerNorm(width, { epsilon });
    this.normK = new LayerNorm(width, { epsilon });
    this.normV = new LayerNorm(width, { epsilon });
  }

  /** query [1 1 D], normalised tokens [B T D] -> what it takes from them [B D] */
  protected forward(query: Tensor, tokens: Tensor): Tensor {
    const { width: D, heads: H, normK, normV } = this;
    const { q, k, v, proj, qBias, vBias } = this.crossAttn;
    const byHead = (weight: Tensor): Tensor => weight.reshape([H, D / H, D]);
    const asked = linear(this.normQ.call(query), q.weight, qBias).reshape([H, 1, D / H]); // [H 1 d]
    const looked = asked
      .matmul(byHead(k.weight))
      .reshape([H, D])
      .mul((D / H) ** -0.5); // [H D]
    const shift = looked.matmul(normK.bias.reshape([D, 1])).transpose(0, 1); // [1 H]
    const scores = tokens.matmul(looked.mul(normK.weight).transpose(0, 1)).add(shift); // [B T H]
    const taken = scores.softmax(1).transpose(1, 2).matmul(tokens).mul(normV.weight).add(normV.bias); // [B H D]
    const values = taken.transpose(0, 1).matmul(byHead(v.weight).transpose(1, 2)); // [H B d]
    return proj.call(values.transpose(0, 1).flatten(1).add(vBias)); // [B D]
  }
}

/** Query, attention, batch norm without affine, linear layer: normalised tokens [B T D] -> logits [B K]. State as the official code's. */
export class AttentiveProbe extends Module<[Tensor], Tensor> {
  readonly queryToken: Parameter; // [1 1 D]
  readonly attentiveBlocks: readonly [AttentiveBlock];
  readonly fcNorm: BatchNorm1d;
  readonly head: Linear;

  /** @throws ConfigError where heads do not divide the width */
  constructor(width: number, heads: number, classes: number) {
    super();
    this.attentiveBlocks = [new AttentiveBlock(width, heads)];
    this.queryToken = new Parameter([1, 1, width], zero);
    this.fcNorm = new BatchNorm1d(width, { affine: false });
    this.head = new Linear(width, classes, { weightInit: normal(0.01) });
  }

  override initialize(rng: Rng): void {
    super.initialize(rng);
    drawAnew(this.state(), [[/cross_attn\.[qkv]\.weight$|cross_attn\.proj\.weight$/, truncatedNormal(0.02)]], rng);
  }

  /** normalised tokens [B T D] -> logits [B K] */
  protected forward(tokens: Tensor): Tensor {
    return this.head.call(this.fcNorm.call(this.attentiveBlocks[0].call(this.queryToken, tokens)));
  }
}

/** Tokens of frozen pictures and what these show. */
export interface LabelledTokens {
  /** [N T D], as `normalizeTokens` gives them */
  readonly tokens: Tensor;
  /** [N] classes from 0 */
  readonly labels: Int32Array;
}

/** How an attentive probe is trained; absent values are the authors' but for the batch, 8192 there. */
export interface AttentiveOptions {
  /** Attention heads. */
  readonly heads: number;
  /** Passes over the pictures; 90. A ninth of them is warm-up. */
  readonly epochs?: number;
  /** Pictures a step; 256, or as many as there are. */
  readonly batchSize?: number;
  /** Learning rates to choose from: 0.4, the authors', and quarters of it. */
  readonly rates?: readonly number[];
  /** Of the order of pictures, first values, and which fifth chooses the rate. */
  readonly seed?: number;
  /** Share of the work that is done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
  /** Aborted: ends at the next epoch, by its reason. */
  readonly signal?: AbortSignal;
}

/** An attentive probe that was trained, judged on other pictures; accuracies are shares, 0 to 1. */
export interface AttentiveResult {
  /** On the test pictures. */
  readonly accuracy: number;
  /** Mean of the accuracy over their classes. */
  readonly meanPerClass: number;
  /** [test rows] classes */
  readonly predictions: Int32Array;
  readonly trainAccuracy: number;
  /** The chosen learning rate. */
  readonly rate: number;
  /** Accuracies on the held-out fifth, by rate; empty for a single rate. */
  readonly choices: readonly { readonly rate: number; readonly accuracy: number }[];
}

/** Each a quarter of the one before. */
const usualRates = [0.4, 0.1, 0.025];
const momentum = 0.9;
const heldOut = 5; // one row in so many
const warmupShare = 1 / 9; // 10 epochs of 90

/**
 * Trains an attentive probe on tokens of whole pictures, without augmentation: SGD with Nesterov momentum, half a cosine, no decay. Its rate is
 * chosen on a held-out fifth of the training pictures, never on the test pictures. The same pictures and seed give the same result.
 * @throws ShapeError, StateError for labels that do not fit and tokens that are not finite, ConfigError for heads that do not divide the width
 */
export async function attentiveProbe(
  train: LabelledTokens,
  test: LabelledTokens,
  options: AttentiveOptions,
): Promise<AttentiveResult> {
  const classes = Math.max(checkTokens(train, "train"), checkTokens(test, "test"));
  const { rates = usualRates, seed = 0, onProgress } = options;
  const rows = order(train.labels.length, seed, "held-out");
  const [own, other] = [rows.filter((_, i) => i % heldOut > 0), rows.filter((_, i) => i % heldOut === 0)];
  const fits = rates.length === 1 ? 1 : rates.length + 1;
  const trainedAt = (rate: number, chosen: Int32Array, done: number): Promise<AttentiveProbe> =>
    trained(train, chosen, classes, { ...options, rate, onProgress: (share) => onProgress?.((done + share) / fits) });
  const choices: { rate: number; accuracy: number }[] = [];
  for (const [done, rate] of (fits === 1 ? [] : rates).entries()) {
    using tried = await trainedAt(rate, own, done);
    choices.push({ rate, accuracy: shareRight(predicted(tried, train, other), train, other) });
  }
  const rate = bestOf(choices)?.rate ?? (rates[0] as number); // of equally good ones the first
  using probe = await trainedAt(rate, rows.sort(), fits - 1);
  const all = Int32Array.from(test.labels.keys());
  const predictions = predicted(probe, test, all);
  return {
    accuracy: shareRight(predictions, test, all),
    meanPerClass: meanPerClass(predictions, test.labels),
    predictions,
    trainAccuracy: shareRight(predicted(probe, train, rows), train, rows),
    rate,
    choices,
  };
}

/** What is trained at one rate. */
type Training = AttentiveOptions & { readonly rate: number };

/** A probe that was trained on some rows. Close it. */
async function trained(
  given: LabelledTokens,
  rows: Int32Array,
  classes: number,
  { heads, rate, epochs = 90, batchSize = 256, seed = 0, onProgress, signal }: Training,
): Promise<AttentiveProbe> {
  const probe = new AttentiveProbe(given.tokens.side(2), heads, classes);
  probe.initialize(new Rng(seed, "attentive-probe/init"));
  probe.setTraining(true);
  const optimizer = new Sgd(weightDecayGroups(probe.parameters(), 0), { momentum, nesterov: true });
  const atOnce = Math.min(batchSize, rows.length);
  const steps = Math.floor(rows.length / atOnce); // of an epoch: the last, smaller batch is left out
  const schedule = { peak: rate, warmup: epochs * warmupShare, total: epochs };
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      await nextTurn();
      signal?.throwIfAborted();
      onProgress?.(epoch / epochs);
      const places = order(rows.length, seed, `order/${epoch}`);
      for (let step = 0; step < steps; step++) {
        const batch = places.subarray(step * atOnce, (step + 1) * atOnce).map((place) => rows[place] as number);
        scope(() => backward(lossOf(probe, given, batch)));
        optimizer.step({ learningRate: warmupCosine(schedule, epoch + step / steps) });
        optimizer.zeroGrad();
      }
    }
    probe.setTraining(false);
    return probe;
  } catch (error) {
    probe.close();
    throw error;
  } finally {
    optimizer.close();
  }
}

function lossOf(probe: AttentiveProbe, { tokens, labels }: LabelledTokens, rows: Int32Array): Tensor {
  const wanted = tensor(BigInt64Array.from(rows, (row) => BigInt(labels[row] as number)));
  return crossEntropy(probe.call(rowsOf(tokens, rows)), wanted.toDevice(tokens.device)); // []
}

/** The likeliest class of some rows, by a probe in evaluation mode. */
function predicted(probe: AttentiveProbe, { tokens }: LabelledTokens, rows: Int32Array): Int32Array {
  const found = new Int32Array(rows.length);
  for (let first = 0; first < rows.length; first += judgedAtOnce) {
    const some = rows.subarray(first, first + judgedAtOnce);
    found.set(
      scope(() => noGrad(() => probe.call(rowsOf(tokens, some)).argmax(1).to("int32").toArray() as Int32Array)),
      first,
    );
  }
  return found;
}

const judgedAtOnce = 256;

function rowsOf(tokens: Tensor, rows: Int32Array): Tensor {
  return tokens.indexSelect(0, tensor(Int32Array.from(rows)).toDevice(tokens.device)); // [B T D]
}

function shareRight(found: Int32Array, { labels }: LabelledTokens, rows: Int32Array): number {
  return found.filter((label, i) => label === labels[rows[i] as number]).length / Math.max(1, rows.length);
}

/** 0 … rows − 1 in an order that follows from seed and purpose alone. */
function order(rows: number, seed: number, purpose: string): Int32Array {
  const keys = Array.from({ length: rows }, (_, row) => row);
  return scope(
    () =>
      new Rng(seed, `attentive-probe/${purpose}`, 0, keys).uniform([]).argsort().to("int32").toArray() as Int32Array,
  );
}

/** How many classes the labels name. @throws as `checkLabelled` */
function checkTokens({ tokens, labels }: LabelledTokens, path: string): number {
  return scope(() => checkLabelled({ features: noGrad(() => tokens.select(1, 0)), labels }, path));
}
