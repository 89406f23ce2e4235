/** What this machine does in a second at the shapes of transformers: measured once, in about five seconds, and kept. */
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { cached, writableCache } from "../data/sources/cache.js";
import { kernelPath } from "../engine/device.js";
import { machineLimits } from "../engine/limits.js";
import { autocast } from "../engine/modes.js";
import { scope, trimMemory } from "../engine/scope.js";
import type { Kind } from "../graph/operations.js";
import { Parameter } from "../nn/module.js";
import { AdamW } from "../optim/adamw.js";
import { gradientNorm } from "../optim/clip.js";
import { FileError } from "../runs/errors.js";
import { makeFolder, writeAtomic } from "../runs/write-atomic.js";
import { gelu, layerNormForProducts, linear, selfAttention, take } from "../tensor/functional.js";
import { backward } from "../tensor/grad.js";
import { hasKernel } from "../tensor/kernels.js";
import { Rng } from "../tensor/random.js";
import { type Tensor, tensor } from "../tensor/tensor.js";
import { lacunaVersion } from "../train/loop/environment.js";
import type { Precision } from "../train/loop/task.js";

const seconds = z.number().positive();
const ratesSchema = z.strictObject({
  /** Multiply-adds a second of linear layers, forward and backward, by the geometric mean of their two widths. */
  products: z.array(z.strictObject({ width: z.number(), rate: seconds })),
  /** The same for attention's batched products, by the number of tokens. */
  attention: z.array(z.strictObject({ width: z.number(), rate: seconds })),
  /** Seconds for an element, forward and backward. */
  elements: z.record(z.string(), seconds),
  /** Seconds that a differentiated operation takes however small it is. */
  overhead: seconds,
  /** Seconds for a parameter: AdamW and the gradient's norm. */
  optimizer: seconds,
  /** Other work while it was measured: the system's load over the cores of this process, before it began. */
  load: z.number().min(0),
});
/** How fast this machine computes, as measured: rates are multiply-adds a second, everything else is seconds. */
export type MachineRates = z.output<typeof ratesSchema>;

/** What the rates were measured under: they hold for nothing else. */
export interface MachineKey {
  readonly cpu: string;
  readonly threads: number;
  readonly precision: Precision;
  readonly device: string;
}

export interface RatesOptions {
  /** Measure although they are there. */
  readonly again?: boolean;
  /** Gets lines for people: before it measures, and where the result cannot be kept in the cache. */
  readonly tell?: (line: string) => void;
}

/** Rates from the cache, or measured now. */
export function machineRates(
  key: MachineKey,
  { again = false, tell = () => undefined }: RatesOptions = {},
): MachineRates {
  const name = [key.cpu, key.threads, key.precision, key.device, lacunaVersion(), kernelPath()]
    .join("-")
    .replace(/[^\w.]+/g, "-");
  const file = join("rates", `${name}.json`);
  const load = (loadavg()[0] ?? 0) / machineLimits().cores;
  const kept = again ? undefined : readRates(cached(file));
  if (kept !== undefined && (kept.load <= busyLoad || load > busyLoad)) return kept;
  tell("Measuring this machine, once: 5 s, more where others use it …");
  const rates = { ...Array.from({ length: rounds }, () => measure(key)).reduce(quicker), load };
  trimMemory(); // a plan holds nothing that its measurements were given
  keep(file, rates, tell);
  return rates;
}

/** What cannot be kept is measured again the next time. */
function keep(file: string, rates: MachineRates, tell: (line: string) => void): void {
  try {
    const { folder, note } = writableCache();
    if (note !== undefined) tell(note);
    makeFolder(join(folder, "rates"));
    writeAtomic(join(folder, file), `${JSON.stringify(rates, null, 2)}\n`);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    tell(`The measurement is not kept: ${error.message}`);
  }
}

/** From here on others had so much of the machine that its rates are too low; they are measured again when it is quieter. */
export const busyLoad = 0.75;

function readRates(path: string | undefined): MachineRates | undefined {
  if (path === undefined) return undefined;
  try {
    return ratesSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined; // not there, cut short, or of another version
  }
}

/** Long enough that a clock's grain and the first call's set-up do not count. */
const enoughMs = 40;

/** Seconds of a call: the quickest of several, since what comes between only ever slows it down. */
function quickest(body: () => void, leaves: readonly Tensor[]): number {
  const once = (): number => {
    const began = performance.now();
    scope(body);
    const taken = performance.now() - began;
    for (const leaf of leaves) leaf.grad = undefined; // or the next backward would add to it
    return taken;
  };
  once(); // allocations and kernels of the first call
  let best = Number.POSITIVE_INFINITY;
  for (let spent = 0; spent < enoughMs; ) {
    const taken = once();
    spent += taken;
    best = Math.min(best, taken);
  }
  return best / 1000;
}

/** All is measured so often: what slows a machine for a moment (other guests of it, its clock) must not slow every plan of it. */
const rounds = 3;

type Measured = Omit<MachineRates, "load">;
type Rate = MachineRates["products"][number];

/** Of each rate the better one. */
export function quicker(a: Measured, b: Measured): Measured {
  const best = (one: readonly Rate[], other: readonly Rate[]): Rate[] =>
    one.map(({ width, rate }, i) => ({ width, rate: Math.max(rate, other[i]?.rate ?? 0) }));
  const elements = Object.entries(a.elements).map(([kind, time]) => [kind, Math.min(time, b.elements[kind] ?? time)]);
  return {
    products: best(a.products, b.products),
    attention: best(a.attention, b.attention),
    elements: Object.fromEntries(elements) as Record<string, number>,
    overhead: Math.min(a.overhead, b.overhead),
    optimizer: Math.min(a.optimizer, b.optimizer),
  };
}

function measure(key: MachineKey): Measured {
  const { precision, device } = key;
  return scope(() => {
    const rng = new Rng(0, "rates");
    const leaves: Tensor[] = [];
    const random = (shape: number[]): Tensor => rng.normal(shape, device).reshape(shape);
    const leaf = (value: Tensor): Tensor => {
      leaves.push(value.setRequiresGrad(true));
      return value;
    };
    const trained = (loss: () => Tensor): number => quickest(() => backward(autocast(precision, loss, device)), leaves);
    const small = leaf(random([8]));
    const gap = trained(() => small.sum()); // what every measurement below has around it
    const less = (time: number): number => Math.max(time - gap, time / 10);
    const timed = { random, leaf, trained: (loss: () => Tensor) => less(trained(loss)), precision };
    /** What one measurement made is gone before the next. */
    const alone = <R>(body: () => R): R => {
      leaves.length = 0;
      return scope(body);
    };
    return {
      products: [64, 192, 384, 768].map((width) => alone(() => productRate(timed, width))),
      attention: [17, 65, 197].map((tokens) => alone(() => attentionRate(timed, tokens))),
      elements: alone(() => elementTimes(timed)),
      overhead: alone(() => overheadOf(timed)),
      optimizer: alone(() => optimizerTime(random)),
    };
  });
}

interface Timed {
  random(shape: number[]): Tensor;
  /** A tensor that wants a gradient, cleared after each call. */
  leaf(value: Tensor): Tensor;
  trained(loss: () => Tensor): number;
  readonly precision: Precision;
}

/** As many as a training batch has, or casting the weights, which is the same for any number, would count for too much. */
const tokens = 2048;

/** A linear layer from a width to four times as many, as in a block's MLP, both ways and its weight's gradient. */
function productRate({ random, leaf, trained }: Timed, width: number): { width: number; rate: number } {
  const [x, like] = [leaf(random([tokens, width])), leaf(random([tokens, 4 * width]))];
  const [weight, bias] = [leaf(random([4 * width, width])), leaf(random([4 * width]))];
  const gradient = random([tokens, 4 * width]);
  const both = trained(() => linear(x, weight, bias).mul(gradient).sum());
  const around = trained(() => like.mul(gradient).sum());
  const rate = (3 * tokens * 4 * width ** 2) / Math.max(both - around, both / 3);
  return { width: 2 * width, rate };
}

/** q kᵀ and its product with v for 48 heads of 64: the kernel with all that is in it, or the two products alone (functional.ts). */
function attentionRate({ random, leaf, trained, precision }: Timed, n: number): { width: number; rate: number } {
  const [pictures, heads, d] = [4, 12, 64];
  const type = precision === "bfloat16" ? "bfloat16" : "float32";
  const operand = (...shape: number[]): Tensor => leaf(random(shape).to(type).detach());
  const number = pictures * heads;
  const products = 3 * 2 * number * n * n * d;
  const qkv = operand(pictures, n, 3 * heads * d);
  const gradient = random([pictures, n, heads * d]).to(type);
  if (autocast(precision, () => hasKernel("attention", qkv), qkv.device))
    return { width: n, rate: products / trained(() => selfAttention(qkv, heads).mul(gradient).sum()) };
  const [q, k, v, scores] = [
    operand(number, n, d),
    operand(number, d, n),
    operand(number, n, d),
    operand(number, n, n),
  ];
  const [one, two] = [random([number, n, n]).to(type), random([number, n, d]).to(type)];
  const time = trained(() => q.matmul(k).mul(one).sum().add(scores.matmul(v).mul(two).sum()));
  return { width: n, rate: products / time };
}

/** Seconds for each element of the result, forward and backward, of what is no product. */
function elementTimes({ random, leaf, trained, precision }: Timed): Record<string, number> {
  const rows = 1024;
  const width = 512;
  const count = rows * width;
  const x = leaf(random([8, rows / 8, width]));
  const y = random([8, rows / 8, width]);
  const low = leaf(x.detach().to(precision === "bfloat16" ? "bfloat16" : "float32")); // as products give it
  const sum = (value: Tensor): Tensor => value.sum();
  const base = trained(() => sum(x));
  const cost = (value: () => Tensor): number => {
    const time = trained(() => sum(value()));
    return Math.max(time - base, time / 10) / count;
  };
  const [weight, bias] = [leaf(random([width])), leaf(random([width]))];
  const places = Array.from({ length: rows }, (_, i) => BigInt((7 * i) % (rows / 8)));
  const ids = tensor(BigInt64Array.from(places), [8, rows / 8]);
  const times: Record<Exclude<Kind, "product" | "attention" | "convolution" | "none">, number> = {
    gelu: cost(() => gelu(low)),
    softmax: cost(() => x.softmax(-1)),
    norm: cost(() => layerNormForProducts(x, weight, bias, 1e-6)),
    elementwise: cost(() => x.add(y)),
    rows: cost(() => take(x, ids)),
  };
  return times;
}

/** A chain of operations on next to nothing. */
function overheadOf({ random, leaf, trained }: Timed): number {
  const x = leaf(random([8]));
  const links = 100;
  const time = trained(() =>
    Array.from({ length: links })
      .reduce<Tensor>((value) => value.add(1), x)
      .sum(),
  );
  return time / links;
}

function optimizerTime(random: (shape: number[]) => Tensor): number {
  const count = 2 ** 21;
  const parameter = new Parameter([count], (shape) => random([...shape]));
  const named = [{ name: "p", tensor: parameter }];
  const optimizer = new AdamW([{ tensors: named, weightDecay: 0.05, learningRateScale: 1 }], {
    betas: [0.9, 0.95],
    epsilon: 1e-8,
  });
  parameter.grad = random([count]);
  const time = quickest(() => {
    gradientNorm(named).item();
    optimizer.step(1e-6);
  }, []);
  parameter.grad = undefined;
  optimizer.close();
  parameter.dispose();
  return time / count;
}
