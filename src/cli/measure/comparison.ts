/** Measurements in words: a table of accuracies with what they are uncertain by, and what training gained beyond chance. */
import { gainOf, type Measure, type Measured, wilsonInterval } from "../../public/evaluate.js";
import { percent, percentInterval, whole } from "../words.js";

/** Rows without what is not for JSON. */
export function plainRows(rows: readonly Measured[]): Omit<Measured, "right">[] {
  return rows.map(({ right: _, ...row }) => row);
}

/** Which penalties the linear probes chose, and where a wider search might find better ones. */
export function penaltyLines(rows: readonly Measured[]): string[] {
  const chosen = rows.flatMap(({ name, penalty }) =>
    penalty === undefined ? [] : [`${name} ${penalty.toPrecision(1)}`],
  );
  const edges = rows.flatMap(({ name, penaltyEdge }) =>
    penaltyEdge === undefined
      ? []
      : [`${name}: the ${penaltyEdge} penalty that was tried is the best, so that another may be better.`],
  );
  return chosen.length === 0 ? [] : [`Penalties: ${chosen.join(", ")}.`, ...edges];
}

/** Accuracies with their 95 % intervals, and means over the classes. */
export function measuredTable(rows: readonly Measured[], measures: readonly Measure[], k: number): string[][] {
  const titles: Record<Measure, string> = { knn: `${k}-NN`, linear: "linear probe" };
  return [
    ["accuracy", ...measures.flatMap((which) => [titles[which], "per class"])],
    ...rows.map((row) => [
      row.name,
      ...measures.flatMap((which) => [
        percentInterval(row[which] ?? 0, wilsonInterval(row[which] ?? 0, row.pictures)),
        percent(row.meanPerClass[which] ?? 0),
      ]),
    ]),
  ];
}

/** What the columns of that table are. */
export function tableNote(pictures: number): string {
  return `In brackets: 95 % intervals (Wilson) by ${whole(pictures)} judged pictures. Per class: mean over the classes.`;
}

/** `gained 7.9 points (6.5 to 9.3)`, `lost 0.1 points, which may be chance (−0.9 to 1.1)`. @param words for more and for less */
export function gainText(
  before: Measured,
  after: Measured,
  which: Measure,
  [more, less]: readonly [more: (points: string) => string, less: (points: string) => string] = [
    (points) => `gained ${points}`,
    (points) => `lost ${points}`,
  ],
): string {
  const { gain, interval } = gainOf(before, after, which);
  const [low, high] = gain < 0 ? [-interval[1], -interval[0]] : interval;
  const points = (value: number): string => (100 * value).toFixed(1).replace("-", "−");
  const told = (gain < 0 ? less : more)(`${points(Math.abs(gain))} points`);
  return `${told}${low <= 0 ? ", which may be chance" : ""} (${points(low)} to ${points(high)})`;
}

/** Whether training paid, in two sentences. @param rows raw pixels, before training, after */
export function comparison(rows: readonly Measured[], which: Measure): string {
  const [pixels, before, after] = rows as [Measured, Measured, Measured];
  const beside = gainText(pixels, after, which, [
    (points) => `${points} better than raw pixels`,
    (points) => `no better than raw pixels yet: ${points} below`,
  ]);
  return `Training ${gainText(before, after, which)}. The features are ${beside}.`;
}
