import { type Interval, type RunAccuracy, type Spread, spread } from "../../runs/summary.js";

/** One number of blocks and of epochs; top-1 accuracies after the last epoch, from 0 to 1, one a seed. */
export interface PartialRow extends Spread {
  /** `0`, `0.5`, `4`, `all`. */
  readonly blocks: string;
  readonly epochs: number;
  readonly top5: number;
  /** Mean of the best epochs, which were chosen on the pictures that judge. */
  readonly best: number;
  /** Mean over the seeds of the mean over the classes; undefined for runs of earlier versions. */
  readonly meanPerClass?: number;
  /** Of one seed. */
  readonly interval?: Interval;
  readonly folders: readonly string[];
}

/** A run that is finished, and its accuracy. */
export interface PartialPoint {
  readonly blocks: string;
  readonly epochs: number;
  readonly folder: string;
  readonly accuracy: RunAccuracy;
}

/** The row of points that differ in their seed alone. */
export function rowOf(points: readonly [PartialPoint, ...PartialPoint[]]): PartialRow {
  const [{ blocks, epochs, accuracy }] = points;
  const mean = (of: (accuracy: RunAccuracy) => number): number =>
    points.reduce((sum, point) => sum + of(point.accuracy), 0) / points.length;
  const isKnown = points.every((point) => point.accuracy.last.scores["meanPerClass"] !== undefined);
  const { interval } = accuracy.last;
  return {
    blocks,
    epochs,
    ...spread(points.map((point) => point.accuracy.last.scores["top1"] ?? 0)),
    top5: mean(({ last }) => last.scores["top5"] ?? 0),
    best: mean(({ best }) => best.scores["top1"] ?? 0),
    ...(isKnown ? { meanPerClass: mean(({ last }) => last.scores["meanPerClass"] ?? 0) } : {}),
    ...(points.length === 1 && interval !== undefined ? { interval } : {}),
    folders: points.map(({ folder }) => folder),
  };
}

/** Of several lengths the best for each number of blocks, as the paper's curve has it. */
export function bestRows(rows: readonly PartialRow[]): PartialRow[] {
  return rows.filter((row) => !rows.some((other) => other.blocks === row.blocks && other.mean > row.mean));
}
