/** What is measured of encoders without labels, several beside each other: `lacuna evaluate occlusion` and `correspondence`. */
import type { Command } from "commander";
import type { LoadedModel, Source } from "../../index.js";
import type { Correspondence, OcclusionInvariance } from "../../public/evaluate.js";
import type { LoadOptions } from "../../public/models.js";
import { foreignOptions, loadOptions, readingOptions } from "../config/foreign.js";
import { parseSource } from "../config/sources.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { whole } from "../words.js";
import { openModel } from "./model.js";

interface Options extends LoadOptions {
  readonly data: string;
  readonly limit: number;
}

/** A measure: what it is called, and what it says of one model and of several. */
interface Unlabelled<Found> {
  readonly name: string;
  readonly description: string;
  readonly details: string;
  /** Pictures at most, unless said. */
  readonly limit: number;
  measure(model: LoadedModel, source: Source): Promise<Found>;
  table(paths: readonly string[], found: readonly Found[]): string[][];
  note(pictures: number, found: readonly Found[]): string;
}

const occlusion: Unlabelled<readonly OcclusionInvariance[]> = {
  name: "occlusion",
  description: "How much of the features of visible patches stays when the others are hidden (a ViT's); no labels.",
  details: `
Of the visible patches: the mean cosine of their features with those of the same patches in the whole picture, and linear centred kernel
alignment of the two, which does not mind where all features are turned or scaled together. 1 is no change. Kong and Zhang (CVPR 2023)
say that masked learning teaches features which occlusion changes least.

Example:
  lacuna evaluate occlusion runs/mae runs/byol --data cifar10`,
  limit: 128,
  measure: async (model, source) => (await import("../../public/evaluate.js")).measureOcclusion(model, source),
  table: (paths, curves) => {
    const cells = (curve: readonly OcclusionInvariance[], of: "cosine" | "alignment"): string[] =>
      curve.map((point) => point[of].toFixed(3));
    return [
      ["patches hidden", "", ...(curves[0] ?? []).map(({ ratio }) => `${Math.round(100 * ratio)} %`)],
      ...curves.flatMap((curve, i) => [
        [paths[i] as string, "cosine", ...cells(curve, "cosine")],
        ["", "alignment", ...cells(curve, "alignment")],
      ]),
    ];
  },
  note: (pictures) => `${whole(pictures)} pictures; 1: features stay as they are.`,
};

const correspondence: Unlabelled<Correspondence> = {
  name: "correspondence",
  description: "How often places of a picture find themselves in another view of it by their features; no labels.",
  details: `
The other view is mirrored, in other colours and grey, as in EsViT's code (analyze_models.py). A place is right if the place with the most
similar features is its own. "surest" are the ten places of each picture that are most similar to the one that they find, by which the
authors judge.

Example:
  lacuna evaluate correspondence runs/dino runs/esvit --data cifar10`,
  limit: 512,
  measure: async (model, source) => (await import("../../public/evaluate.js")).measureCorrespondence(model, source),
  table: (paths, found) => [
    ["right", "surest", "all", "by chance", "distance of the surest"],
    ...found.map(({ surest, all, places, distance }, i) => [
      paths[i] as string,
      ...[surest, all, 1 / places].map((share) => `${(100 * share).toFixed(1)} %`),
      `${distance.toFixed(1)} px`,
    ]),
  ],
  note: (pictures, found) =>
    `${whole(pictures)} pictures, ${[...new Set(found.map(({ places }) => places))].join(", ")} places each.`,
};

/** Adds both commands. */
export function unlabelledCommands(parent: Command, add: Add): void {
  addMeasure(parent, add, occlusion);
  addMeasure(parent, add, correspondence);
}

function addMeasure<Found>(parent: Command, add: Add, measure: Unlabelled<Found>): void {
  const command = parent
    .command(measure.name)
    .description(measure.description)
    .argument("<models...>", "run folders or checkpoint files")
    .requiredOption("--data <pictures>", "cifar10, fashion-mnist, a folder or a list of pictures")
    .option("--limit <n>", "pictures at most, drawn by lot", wholeNumber, measure.limit)
    .addHelpText("after", measure.details);
  readingOptions(foreignOptions(command));
  add<Options>(command, (report, operands, options) => judge(report, measure, operands as string[], options));
}

async function judge<Found>(
  report: Report,
  measure: Unlabelled<Found>,
  paths: readonly string[],
  options: Options,
): Promise<number> {
  const { openSource } = await import("../../index.js");
  const { drawn, subsetOf } = await import("../../public/data.js");
  const all = await openSource(parseSource(options.data, "test"));
  const source = subsetOf(all, drawn(all.size, options.limit));
  const models: { model: string; step: number; found: Found }[] = [];
  for (const path of paths) {
    using model = await openModel(report, path, loadOptions(options));
    models.push({ model: model.path, step: model.step, found: await measure.measure(model, source) });
  }
  const found = models.map((one) => one.found);
  report.result({ measure: measure.name, pictures: source.size, models }, () => {
    report.table(measure.table(paths, found));
    report.line(measure.note(source.size, found));
  });
  return 0;
}
