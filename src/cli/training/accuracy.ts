/** Accuracies of a supervised run, in words. */
import type { RunEvent } from "../../index.js";
import { percent } from "../words.js";

interface At {
  readonly epoch: number;
  readonly step: number;
  readonly scores: Readonly<Record<string, number>>;
}

export interface Accuracy {
  /** The headline: the last epoch was not chosen by looking. */
  readonly last: At;
  readonly best: At;
  readonly text: readonly string[];
}

/** The last and the best accuracy on held-out pictures, of equal ones the first; undefined where none was measured. */
export function accuracyOf(events: readonly RunEvent[]): Accuracy | undefined {
  const measured = events.flatMap((event): At[] =>
    event.type === "heldOut" && event.scores !== undefined
      ? [{ epoch: event.epoch, step: event.step, scores: event.scores }]
      : [],
  );
  const last = measured.at(-1);
  if (last === undefined) return undefined;
  const top1 = ({ scores }: At): number => scores["top1"] ?? 0;
  const best = measured.reduce((a, b) => (top1(b) > top1(a) ? b : a));
  const text = [
    `Accuracy after the last epoch: ${scoresText(last.scores)}.`,
    `The best epoch was ${Number(best.epoch.toFixed(2))} with ${percent(top1(best))}: chosen on these very pictures, so it flatters.`,
  ];
  return { last, best, text };
}

/** `epoch 3: top-1 45.2 %, top-5 90.1 %` */
export function accuracyLine(epoch: number, scores: Readonly<Record<string, number>>): string {
  return `epoch ${Number(epoch.toFixed(2))}: ${scoresText(scores)}`;
}

function scoresText({ top1 = 0, top5 = 0, top1Plain }: Readonly<Record<string, number>>): string {
  const plain = top1Plain === undefined ? "" : `; without averaging the weights ${percent(top1Plain)}`;
  return `top-1 ${percent(top1)}, top-5 ${percent(top5)}${plain}`;
}
