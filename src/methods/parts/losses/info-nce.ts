import { noGrad, withoutAutocast } from "../../../engine/modes.js";
import { arange, cat, zeros } from "../../../tensor/creation.js";
import { crossEntropy, normalize } from "../../../tensor/functional.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Signal } from "../../health.js";
import type { World } from "../../world.js";

export interface InfoNceOptions {
  /** τ: similarities are divided by it. */
  readonly temperature: number;
  readonly world: World;
}

/** A loss and what it is made of: scalars; only the loss has a gradient. */
export interface Contrast {
  readonly loss: Tensor;
  /** Mean cosine of a query and its key. */
  readonly positive: Tensor;
  /** Mean cosine of a query and the keys of other pictures. */
  readonly negative: Tensor;
  /** Share of the queries whose own key is the nearest of all. */
  readonly accuracy: Tensor;
}

/** What a run that logs `margin` is judged by. @param causes the method's, the likeliest first */
export function marginSignal(finding: string, causes: readonly string[]): Signal {
  return {
    name: "margin",
    what: "cosine of a query with its own key, less that with others",
    below: 0.03,
    finding,
    causes,
  };
}

/** What a run that logs `negative` is judged by. @param causes the method's, the likeliest first */
export function negativeSignal(causes: readonly string[]): Signal {
  return {
    name: "negative",
    what: "cosine with other pictures' keys",
    above: 0.9,
    finding: "Different pictures have nearly the same keys.",
    causes,
  };
}

/**
 * InfoNCE with the keys of the whole batch as negatives (van den Oord et al. 2018; MoCo v3, algorithm 1): `2τ · CE(q kᵀ / τ)`.
 * Row i of this process's queries belongs to row i + rank · B of all keys. The factor 2τ takes back the 1/τ of the gradient.
 * queries [B D], keys of the same pictures [B D], neither normalised; no gradient flows into the keys. In float32.
 */
export function infoNce(queries: Tensor, keys: Tensor, { temperature, world }: InfoNceOptions): Contrast {
  return withoutAutocast(() => {
    const q = normalize(queries.float()); // [B D]
    const k = world.gather(normalize(keys.float())); // [B·size D]
    const cosines = q.matmul(k.transpose(0, 1)); // [B B·size]
    const B = q.side(0);
    const own = arange(0, B, 1, { dtype: "int64", device: q.device }).add(B * world.rank); // [B]
    const loss = crossEntropy(cosines.div(temperature), own).mul(2 * temperature); // []
    return { loss, ...noGrad(() => agreement(cosines, own)) };
  });
}

/**
 * InfoNCE of patches among those of their own picture, `2τ · CE(q kᵀ / τ)` as `infoNce`: queries [B M D], keys of the same patches [B M D],
 * neither normalised; no gradient flows into the keys. In float32.
 */
export function patchNce(queries: Tensor, keys: Tensor, temperature: number): Contrast {
  return withoutAutocast(() => {
    const [q, k] = [normalize(queries.float()), normalize(keys.float()).detach()]; // [B M D]
    const [B = 0, M = 0] = q.shape;
    const cosines = q.matmul(k.transpose(1, 2)).flatten(0, 1); // [B·M M]
    const own = arange(0, M, 1, { dtype: "int64", device: q.device }).repeat([B]); // [B·M]
    const loss = crossEntropy(cosines.div(temperature), own).mul(2 * temperature); // []
    return { loss, ...noGrad(() => agreement(cosines, own)) };
  });
}

/**
 * InfoNCE with the keys of past batches as negatives (MoCo, equation 1): `CE([q·k, q queueᵀ] / τ)`, the own key the first of 1 + K.
 * queries, keys [B D], not normalised; queue [K D], of unit rows. No gradient flows into keys and queue. In float32.
 */
export function queueNce(queries: Tensor, keys: Tensor, queue: Tensor, temperature: number): Contrast {
  return withoutAutocast(() => {
    const [q, k] = [normalize(queries.float()), normalize(keys.float())]; // [B D]
    const own = q.mul(k).sum([1], true); // [B 1]
    // A copy: the queue is written before backward reads it.
    const cosines = cat([own, q.matmul(queue.clone().transpose(0, 1))], 1); // [B 1+K]
    const first = zeros([q.side(0)], { dtype: "int64", device: q.device }); // [B]
    return { loss: crossEntropy(cosines.div(temperature), first), ...noGrad(() => agreement(cosines, first)) };
  });
}

/** How a view finds its partner. */
export interface NtXentOptions extends InfoNceOptions {
  /** Projections of the first and then the second views [2B D] to find the partner among, taken as constants; the views' own if absent. */
  readonly keys?: Tensor;
}

/**
 * NT-Xent (SimCLR, equation 1 and algorithm 1): each view of N pictures is to find the other view of its picture among all views but
 * itself, 2N − 1; the mean of `CE(z zᵀ / τ)` over the views. Gradients flow into both sides of a product, but not into given keys.
 * first, second [B D]: two views of the same pictures, not normalised. In float32.
 */
export function ntXent(first: Tensor, second: Tensor, { temperature, world, keys }: NtXentOptions): Contrast {
  return withoutAutocast(() => {
    const z = normalize(cat([first.float(), second.float()])); // [2B D]
    const all = keys === undefined ? world.gather(z, { gradient: true }) : world.gather(normalize(keys.float())); // [2B·size D]
    const [B, place] = [first.side(0), { dtype: "int64", device: z.device }] as const;
    const rows = arange(0, 2 * B, 1, place); // [2B]
    const partner = cat([arange(B, 2 * B, 1, place), arange(0, B, 1, place)]); // [2B]
    const start = 2 * B * world.rank;
    const itself = arange(0, all.side(0), 1, place).eq(rows.add(start).unsqueeze(1)); // [2B 2B·size]
    const cosines = z.matmul(all.transpose(0, 1)).maskedFill(itself, Number.NEGATIVE_INFINITY); // [2B 2B·size]
    const other = partner.add(start); // [2B]
    const loss = crossEntropy(cosines.div(temperature), other); // []
    return { loss, ...noGrad(() => agreement(cosines, other, itself)) };
  });
}

/**
 * The symmetric loss of pictures and their texts (CLIP, figure 3): each of B is to find its partner among all B of the other kind, the
 * mean of `CE(s · a bᵀ)` and `CE(s · b aᵀ)`. Gradients flow into both. images, texts [B D], unit vectors; s []. In float32.
 */
export function pairNce(images: Tensor, texts: Tensor, scale: Tensor, world: World): Contrast {
  return withoutAutocast(() => {
    const [a, b] = [images.float(), texts.float()]; // [B D]
    const B = a.side(0);
    const own = arange(0, B, 1, { dtype: "int64", device: a.device }).add(B * world.rank); // [B]
    const cosines = a.matmul(world.gather(b, { gradient: true }).transpose(0, 1)); // [B B·size]
    const turned = b.matmul(world.gather(a, { gradient: true }).transpose(0, 1)); // [B B·size]
    const loss = crossEntropy(cosines.mul(scale), own)
      .add(crossEntropy(turned.mul(scale), own))
      .div(2); // []
    return { loss, ...noGrad(() => agreement(cosines, own)) };
  });
}

/** cosines [B N], column of each row's own key [B], and a mask [B N] of the one key of each row that is none */
function agreement(cosines: Tensor, own: Tensor, without?: Tensor): Omit<Contrast, "loss"> {
  const [B = 0, N = 0] = cosines.shape;
  const ofOwn = cosines.gather(1, own.unsqueeze(1)); // [B 1]
  const counted = without === undefined ? cosines : cosines.maskedFill(without, 0); // [B N]
  const others = counted.sum().sub(ofOwn.sum()); // []
  return {
    positive: ofOwn.mean(),
    negative: others.div(B * Math.max(1, N - (without === undefined ? 1 : 2))),
    accuracy: cosines.argmax(1).eq(own).float().mean(),
  };
}
