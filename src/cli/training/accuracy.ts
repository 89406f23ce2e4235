/** Accuracies of a supervised run, in words. */
import type { RunAccuracy, Scored } from "../../public/runs.js";
import { percent, percentInterval } from "../words.js";

/** The headline, and the best epoch. */
export function accuracyLines({ last, best }: RunAccuracy): string[] {
  const top1 = best.scores["top1"] ?? 0;
  return [
    `Accuracy after the last epoch: ${scoresText(last)}.`,
    `The best epoch was ${Number(best.epoch.toFixed(2))} with ${percent(top1)}: chosen on these very pictures, so it flatters.`,
  ];
}

/** `epoch 3: top-1 45.2 %, top-5 90.1 %, per class 40.3 %` */
export function accuracyLine(epoch: number, scores: Scored["scores"]): string {
  return `epoch ${Number(epoch.toFixed(2))}: ${scoresText({ scores })}`;
}

/** `top-1 45.2 % (42.1–48.3), top-5 90.1 %, per class 40.3 %` */
export function scoresText({ scores, interval }: Pick<Scored, "scores" | "interval">): string {
  const { top1 = 0, top5 = 0, top1Plain, meanPerClass } = scores;
  const headline = interval === undefined ? percent(top1) : percentInterval(top1, interval);
  const perClass = meanPerClass === undefined ? "" : `, per class ${percent(meanPerClass)}`;
  const plain = top1Plain === undefined ? "" : `; without averaging the weights ${percent(top1Plain)}`;
  return `top-1 ${headline}, top-5 ${percent(top5)}${perClass}${plain}`;
}
