/** Runs beside one another, as the rows of tables. */
import type { ComparedRun, RunComparison } from "../../public/runs.js";
import { duration, figure, percent, whole } from "../words.js";
import { accuracyText, inProbeOrder, probeWords } from "./probes.js";

/** A title row, and rows of cells. */
export type Rows = string[][];

/** Steps, losses, time and verdict of each run, below a title row. */
export function resultRows(runs: readonly ComparedRun[]): Rows {
  const some = (value: number | undefined): string => (value === undefined ? "" : figure(value));
  return [
    ["run", "steps", "loss", "held-out loss", "time", "verdict"],
    ...runs.map(({ name, summary, verdict: { status } }) => [
      name,
      whole(summary.steps),
      some(summary.smoothedLoss),
      some(summary.heldOutLoss),
      duration(summary.trainingSeconds),
      status,
    ]),
  ];
}

/** Probes of each run, `before training → last`, and its scores on held-out pictures; nothing where no run has any. */
export function featureRows(runs: readonly ComparedRun[]): Rows {
  const probes = inProbeOrder(runs.flatMap((run) => run.probes.map(({ name }) => name)));
  const scores = [...new Set(runs.flatMap((run) => Object.keys(run.scores)))];
  if (probes.length + scores.length === 0) return [];
  return [
    ["run", ...probes.map((name) => probeWords(name, 0).label), ...scores.map((name) => scoreNames[name] ?? name)],
    ...runs.map((run) => [
      run.name,
      ...probes.map((name) => probeCell(run, name)),
      ...scores.map((name) => (run.scores[name] === undefined ? "" : percent(run.scores[name]))),
    ]),
  ];
}

const scoreNames: Readonly<Record<string, string>> = { top1: "top-1", top5: "top-5", meanPerClass: "per class" };

/** `25.1 → 36.2 %`: a unit stands once. A value of step 0 alone is no result. */
function probeCell({ probes }: ComparedRun, name: string): string {
  const probe = probes.find((one) => one.name === name);
  if (probe === undefined) return "";
  const words = (value: number | undefined): string => (value === undefined ? "?" : probeWords(name, value).text);
  const last = probe.step === 0 ? "?" : accuracyText(words(probe.last), probe);
  return `${last === "?" ? words(probe.before) : words(probe.before).replace(/ %$/, "")} → ${last}`;
}

/** Settings that differ: a row each, a column a run. */
export function settingRows({ runs, settings }: RunComparison): Rows {
  return [
    ["setting", ...runs.map(({ name }) => name)],
    ...settings.map(({ name, values }) => [name, ...values.map((value) => value ?? "—")]),
  ];
}

/** The same in little room: `0: 1, 4–6; 1: 2, 3` says which runs, by their numbers, have which value. */
export function settingGroups({ settings }: RunComparison): Rows {
  return settings.map(({ name, values }) => {
    const groups = [...new Set(values)].map((value) => {
      const having = values.flatMap((other, i) => (other === value ? [i + 1] : []));
      return `${tail(value ?? "—", longestValue)}: ${ranges(having)}`;
    });
    return [name, groups.join("; ")];
  });
}

const longestValue = 40;

/** The end of a text, for a path's tells most. */
export function tail(text: string, length: number): string {
  return text.length <= length ? text : `…${text.slice(1 - length)}`;
}

/** `1–3, 5` */
function ranges(numbers: readonly number[]): string {
  const starts = numbers.filter((number) => !numbers.includes(number - 1));
  return starts
    .map((start) => {
      let end = start;
      while (numbers.includes(end + 1)) end++;
      return end === start ? `${start}` : end === start + 1 ? `${start}, ${end}` : `${start}–${end}`;
    })
    .join(", ");
}

/** Each row but the titles with its number before it. */
export function numbered(rows: Rows): Rows {
  return rows.map((row, i) => [i === 0 ? "#" : `${i}`, ...row]);
}

/** What stands above the rows of features. */
export function featuresTitle(runs: readonly ComparedRun[]): string {
  const isProbed = runs.some(({ probes }) => probes.length > 0);
  if (!isProbed) return "Accuracy on held-out pictures";
  const isScored = runs.some(({ scores }) => Object.keys(scores).length > 0);
  return `Features, before training → last${isScored ? "; accuracy on held-out pictures" : ""}`;
}

/** What to bear in mind, or nothing. */
export function taskNote({ isSameTask }: RunComparison): string | undefined {
  return isSameTask
    ? undefined
    : "Their methods are set differently: losses may measure different tasks, the features can be compared.";
}

/** `Their configurations differ in 2 settings:` */
export function settingsTitle({ settings: { length } }: RunComparison): string {
  if (length === 0) return "Their configurations are the same.";
  return `Their configurations differ in ${length === 1 ? "one setting" : `${length} settings`}:`;
}
