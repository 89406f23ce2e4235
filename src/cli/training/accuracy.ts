/** Accuracies of a supervised run, in words. */
import type { FrozenAccuracy, RunAccuracy, Scored } from "../../public/runs.js";
import { gainWords, percent, percentInterval } from "../words.js";

/** The headline, and the best epoch. */
export function accuracyLines({ last, best }: RunAccuracy): string[] {
  const top1 = best.scores["top1"] ?? 0;
  const never = neverRightText(last);
  return [
    `Accuracy after the last epoch: ${scoresText(last)}.`,
    ...(never === undefined ? [] : [`${never}.`]),
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

/** `8 of 14 classes are never right`; undefined where each is right once. */
export function neverRightText({ neverRight }: Pick<Scored, "neverRight">): string | undefined {
  if (neverRight === undefined || neverRight.classes === 0) return undefined;
  return `${neverRight.classes} of ${neverRight.of} classes are never right`;
}

const frozenNames = { frozenKnn: "20-NN", frozenLinear: "exact linear probe" } as const;

/** Title, accuracy with interval, mean per class, and how far the classifier is above it. */
export function frozenRows(accuracies: readonly FrozenAccuracy[]): (readonly [string, string, string, string])[] {
  return accuracies.map(({ name, value, interval, meanPerClass, gain }) => [
    frozenNames[name],
    percentInterval(value, interval),
    percent(meanPerClass),
    gain === undefined ? "" : gainWords(gain, [(points) => `${points} above`, (points) => `${points} below`]),
  ]);
}

/** `frozen encoder: 20-NN 53.2 % (42.3–63.8), per class 31.0 %; exact linear probe …` */
export function frozenText(accuracies: readonly FrozenAccuracy[]): string {
  const told = frozenRows(accuracies).map(([name, accuracy, perClass]) => `${name} ${accuracy}, per class ${perClass}`);
  return `frozen encoder: ${told.join("; ")}`;
}

/** What the classifier gained on its own frozen encoder, a line each. */
export function frozenLines(accuracies: readonly FrozenAccuracy[]): string[] {
  if (accuracies.length === 0) return [];
  const paired = accuracies.every(({ isPaired }) => isPaired)
    ? "on the same pictures, compared in pairs"
    : "on as many pictures";
  return [
    `The same encoder frozen, ${paired}:`,
    ...frozenRows(accuracies).map(
      ([name, accuracy, perClass, gain]) =>
        `  ${name} ${accuracy}, per class ${perClass}${gain === "" ? "" : `; the classifier is ${gain}`}`,
    ),
  ];
}
