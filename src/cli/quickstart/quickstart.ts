/** The first five minutes with Lacuna: data, before, training, after. */
import type { RunConfig, Tensor } from "../../index.js";
import type { SourceProgress } from "../../public/data.js";
import type { Measured, MeasureSetting } from "../../public/evaluate.js";
import { measuredTable, plainRows, tableNote } from "../measure/comparison.js";
import { showMeasuring } from "../measure/progress.js";
import type { Report } from "../report.js";
import { defaultRunFolder } from "../training/folder.js";
import { tellVerdict } from "../training/verdict.js";
import { type Watched, watchRun } from "../training/watch.js";
import { duration, quoted } from "../words.js";
import { epochsWithin, quickstartConfig, stepsPerEpoch } from "./configuration.js";
import { outlook, verdictOn } from "./words.js";

export interface QuickstartOptions {
  readonly minutes: number;
  readonly out?: string;
}

/** Labelled pictures: a bank of the first 10,000 training pictures, all test pictures (test/reference/README.md). */
const labelled = { train: 10_000, k: 20, measures: ["knn", "linear"] as const };

/** @returns an exit code */
export async function quickstart(report: Report, options: QuickstartOptions): Promise<number> {
  const { loadModel, pretrain } = await import("../../index.js");
  const { parseConfig } = await import("../../public/train.js");
  const { measureEncoder, rawPixels, withUntrained } = await import("../../public/evaluate.js");
  const out = options.out ?? defaultRunFolder("quickstart", new Date());
  report.line(
    "A masked autoencoder on CIFAR-10: three of four patches of each picture are hidden, the model fills them in.",
  );
  const setting = await openSetting(report);
  const seconds = await secondsPerStep(report);
  const epochs = epochsWithin(options.minutes, seconds);
  const config = parseConfig(quickstartConfig(epochs));
  tellPlan(report, epochs, seconds);

  report.line("Before training (features of 20,000 pictures, which takes a while):");
  const before = await report.showing(async (live) => {
    const shown = { ...setting, onProgress: showMeasuring(live) };
    return [
      await measureEncoder(rawPixels, shown),
      await withUntrained(setting.config, (encoder) => measureEncoder(encoder, shown)),
    ];
  });
  report.table(measuredTable(before, labelled.measures, labelled.k));
  report.line();

  const command = "lacuna quickstart";
  const watched = await watchRun((signal) => pretrain(config, { out, command, signal }), out, report);
  if (watched.exitCode !== 0) {
    report.result(watched, () => report.line(`Saved. Go on with: lacuna resume ${quoted(out)}`));
    return watched.exitCode;
  }
  report.line();
  report.line("After training:");
  using model = loadModel(out);
  const trained = { name: "after training", encode: (images: Tensor) => model.features(images) };
  const after = await report.showing((live) =>
    measureEncoder(trained, { ...setting, onProgress: showMeasuring(live) }),
  );
  const rows = [...before, after];
  report.result({ ...watched, epochs, accuracy: plainRows(rows) }, () => tellEnd(report, rows, watched, epochs));
  return 0;
}

async function openSetting(report: Report): Promise<MeasureSetting> {
  const { machineFacts } = await import("../../public/plan.js");
  const { openSource } = await import("../../index.js");
  const { parseConfig } = await import("../../public/train.js");
  let last = "";
  const onProgress = ({ text }: SourceProgress): void => {
    if (text !== last) report.line(`  ${text}`);
    last = text;
  };
  const train = await openSource({ kind: "cifar10", split: "train", limit: labelled.train }, { onProgress });
  const test = await openSource({ kind: "cifar10", split: "test" }, { onProgress });
  const config: RunConfig = parseConfig(quickstartConfig(1));
  // Half the time of float32, and measured on the untrained encoder the same accuracies to 0.1 points.
  const precision = machineFacts(config.device).bfloat16 ? "bfloat16" : "float32";
  return { config, train, test, measures: labelled.measures, k: labelled.k, precision };
}

/** Some steps of a run that leaves nothing behind: the schedule needs to know how many there will be. */
async function secondsPerStep(report: Report): Promise<number> {
  const { pretrain } = await import("../../index.js");
  report.line("Measuring this machine's speed …");
  await using run = pretrain(quickstartConfig(1));
  const taken: number[] = [];
  for await (const event of run) {
    if (event.type === "step") taken.push(event.seconds);
    if (taken.length === 8) break;
  }
  const warm = taken.slice(3).sort((a, b) => a - b); // the first ones fill caches
  return warm[warm.length >> 1] as number;
}

function tellPlan(report: Report, epochs: number, seconds: number): void {
  const steps = Math.round(epochs * stepsPerEpoch);
  const rate = Math.round(256 / seconds);
  const text = `${rate} images/s: ${steps} steps (${Number(epochs.toFixed(2))} epochs) take about ${duration(steps * seconds)}.`;
  report.line(text);
  report.line();
}

function tellEnd(report: Report, rows: readonly Measured[], watched: Watched, epochs: number): void {
  const { folder, verdict, curves, previews, seconds } = watched;
  report.table(measuredTable(rows, labelled.measures, labelled.k));
  report.line(tableNote(rows[0]?.pictures ?? 0));
  report.line();
  for (const line of verdictOn(rows)) report.line(line);
  tellVerdict(report, verdict);
  report.line();
  for (const line of outlook(epochs, seconds)) report.line(line);
  report.line();
  report.line(`Pictures, original · masked · rebuilt: ${previews.at(-1) ?? "none"}`);
  if (curves !== undefined) report.line(`Curves: ${curves.png}`);
  report.line("Next:");
  const run = quoted(folder);
  report.line(`  npx lacuna reconstruct ${run} cifar10:test --seed 1 --out rebuilt.png`);
  report.line(`  npx lacuna inspect ${run}`);
  report.line("  npx lacuna pretrain <a folder of your own pictures>");
}
