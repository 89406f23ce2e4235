/** Measurements in words: a table of accuracies with what they are uncertain by, and what training gained beyond chance. */
import { gainOf, type Measure, type Measured, wilsonInterval } from "../../public/evaluate.js";
import { gainWords, percent, percentInterval, whole } from "../words.js";

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

/** Whether training paid, in two sentences. @param rows raw pixels, before training, after */
export function comparison(rows: readonly Measured[], which: Measure): string {
  const [pixels, before, after] = rows as [Measured, Measured, Measured];
  const beside = gainWords(gainOf(pixels, after, which), [
    (points) => `${points} better than raw pixels`,
    (points) => `no better than raw pixels yet: ${points} below`,
  ]);
  return `Training ${gainWords(gainOf(before, after, which))}. The features are ${beside}.`;
}
