import { withoutAutocast } from "../../../engine/modes.js";
import { scope } from "../../../engine/scope.js";
import { ones, zeros } from "../../../tensor/creation.js";
import { normalize } from "../../../tensor/functional.js";
import type { Rng } from "../../../tensor/random.js";
import { type Tensor, tensor } from "../../../tensor/tensor.js";

/** rows [… P], centres [V P] -> which is nearest […] int64: the largest x·c − |c|²/2 */
export function nearest(rows: Tensor, centres: Tensor): Tensor {
  const half = centres.pow(2).sum([1]).div(2); // [V]
  return withoutAutocast(() => rows.matmul(centres.transpose(0, 1)))
    .sub(half)
    .argmax(-1);
}

/** tokens [n] -> how many of each [V] float32 */
export function countOf(tokens: Tensor, V: number): Tensor {
  const { device } = tokens;
  return zeros([V], { device }).scatterAdd(0, tokens, ones([tokens.side(0)], { device }));
}

/** rows [n P], their tokens [n] -> the sum of each token's rows [V P] */
export function sumsOf(rows: Tensor, tokens: Tensor, V: number): Tensor {
  const P = rows.side(1);
  return zeros([V, P], { device: rows.device }).scatterAdd(0, tokens.unsqueeze(-1).expand([-1, P]), rows);
}

/** rows [n P] -> V of them, chosen by keyed noise; of fewer rows than V some are taken again [V P] */
export function chosenRows(rows: Tensor, V: number, rng: Rng): Tensor {
  const n = rows.side(0);
  const order = rng.at(0, [0]).uniform([n]).reshape([-1]).argsort(0).toDevice(rows.device); // [n]
  const first = tensor(BigInt64Array.from({ length: V }, (_, i) => BigInt(i % n))).toDevice(rows.device); // [V]
  return rows.indexSelect(0, order.indexSelect(0, first)); // [V P]
}

/**
 * Spherical k-means (official `kmeans` of BEiT v2 with `use_cosine_sim`): centres are unit vectors, the directions of the means of the rows
 * that are nearest to them; one that has none stays where it is. unit rows [n P] -> centres [V P]
 */
export function sphericalKMeans(rows: Tensor, V: number, iterations: number, rng: Rng): Tensor {
  let centres = chosenRows(rows, V, rng);
  for (let i = 0; i < iterations; i++) centres = scope(() => improvedDirections(rows, centres));
  return centres;
}

function improvedDirections(rows: Tensor, centres: Tensor): Tensor {
  const V = centres.side(0);
  const tokens = nearest(rows, centres); // [n]
  const isUsed = countOf(tokens, V).gt(0).unsqueeze(-1); // [V 1]
  return normalize(sumsOf(rows, tokens, V)).where(isUsed, centres); // [V P]
}
