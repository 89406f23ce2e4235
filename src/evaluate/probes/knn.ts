import { meanPerClass } from "../../data/sources/labelled.js";
import { checkLabelled, type LabelledFeatures } from "../features/extract.js";
import { type Neighbours, nearestNeighbours, type Tiling } from "./neighbours.js";

export interface KnnOptions {
  /** How many neighbours vote; one result for each. [20] unless said. */
  readonly k?: readonly number[];
  /** A vote weighs exp(cosine / temperature); 0.07 unless said. */
  readonly temperature?: number;
  readonly tiling?: Tiling;
}

/** DINO's. */
export const usualTemperature = 0.07;

/** What k-NN classification with one `k` gives. */
export interface KnnResult {
  readonly k: number;
  /** Share of the queries whose class was found. */
  readonly accuracy: number;
  /** Mean of that share over the classes among the queries. */
  readonly meanPerClass: number;
  /** [Q] classes */
  readonly predictions: Int32Array;
}

/**
 * Weighted k-NN accuracy (Wu et al. 2018, https://arxiv.org/abs/1805.01978, in the form of DINO's eval_knn.py): the k
 * most similar bank rows vote with exp(cosine / temperature); of equal classes the lower number wins. One result for each k, in the order
 * given. Exact: see nearestNeighbours.
 */
export function knn(bank: LabelledFeatures, queries: LabelledFeatures, options: KnnOptions = {}): KnnResult[] {
  const { k = [20], temperature = usualTemperature, tiling = {} } = options;
  const classes = Math.max(checkLabelled(bank, "bank"), checkLabelled(queries, "queries"));
  const neighbours = nearestNeighbours(queries.features, bank.features, Math.max(...k), tiling);
  return k.map((count) => {
    const predictions = vote(neighbours, count, bank.labels, classes, temperature);
    const right = predictions.reduce((sum, predicted, i) => sum + (predicted === queries.labels[i] ? 1 : 0), 0);
    const perClass = meanPerClass(predictions, queries.labels);
    return { k: count, accuracy: right / predictions.length, meanPerClass: perClass, predictions };
  });
}

function vote(
  { k, similarities, indices }: Neighbours,
  count: number,
  labels: Int32Array,
  classes: number,
  temperature: number,
): Int32Array {
  const predictions = new Int32Array(indices.length / k);
  const votes = new Float64Array(classes);
  for (let query = 0; query < predictions.length; query++) {
    voteOf({ k, similarities, indices }, query, { count, labels, temperature }, votes);
    predictions[query] = votes.indexOf(Math.max(...votes));
  }
  return predictions;
}

/** Who votes: the nearest `count`, each for its label. */
export interface Voting {
  readonly count: number;
  /** [N] of the bank. */
  readonly labels: Int32Array;
  readonly temperature: number;
}

/** Fills in one query's votes by class: all of them times a factor, that of the best neighbour. @param votes [C] */
export function voteOf(
  { k, similarities, indices }: Neighbours,
  query: number,
  { count, labels, temperature }: Voting,
  votes: Float64Array,
): void {
  votes.fill(0);
  const best = similarities[query * k] as number;
  for (let i = query * k; i < query * k + count; i++) {
    const label = labels[indices[i] as number] as number;
    // Minus the best, so that no temperature overflows; a common factor changes no ranking.
    votes[label] = (votes[label] as number) + Math.exp(((similarities[i] as number) - best) / temperature);
  }
}
