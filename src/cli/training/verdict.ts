/** The verdict on a run, in words. */
import { dirname } from "node:path";
import type { Verdict } from "../../index.js";
import type { FileError } from "../../public/errors.js";
import type { Report } from "../report.js";
import { figure } from "../words.js";

/** Why something could not be kept. @param what `curves` */
export function unkeptText(what: string, { path, actual }: FileError): string {
  return `The ${what} could not be kept in ${dirname(path)}: ${actual}.`;
}

export function tellVerdict(report: Report, { headline, causes }: Verdict): void {
  report.line(headline);
  for (const cause of causes) report.line(`  - ${cause}`);
}

/** Rows of a table: each number beside that of the recorded runs. */
export function comparisonText({ comparison }: Verdict): { title: string; rows: string[][] } {
  if (comparison === undefined)
    return {
      title: "No recorded run is near: judged by the level of the mean and by the curve's shape alone.",
      rows: [],
    };
  const { name, nearness, differences, loss, slope, gradNorm, featureRank, knn } = comparison;
  const same = `Beside ${name}, recorded with the same configuration:`;
  const near = `Nearest recorded run: ${name} (${differences.join(", ")}); for orientation only:`;
  const share = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(1)} %`;
  const row = (what: string, value: number | undefined, words: (value: number) => string): string[][] =>
    value === undefined ? [] : [[what, words(value)]];
  return {
    title: nearness === "same" ? same : near,
    rows: [
      ...row("loss", loss, share),
      ...row("fall of the loss", slope, (value) => `${figure(value)} times`),
      ...row("gradient norm", gradNorm, share),
      ...row("feature rank", featureRank, share),
      ...row("k-NN", knn, (value) => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(1)} points`),
    ],
  };
}
