/** `lacuna evaluate occlusion`: how much of a ViT's features stays when patches are hidden, one curve a model. */
import type { Command } from "commander";
import type { OcclusionInvariance } from "../../public/evaluate.js";
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

const details = `
Of the visible patches: the mean cosine of their features with those of the same patches in the whole picture, and linear centred kernel
alignment of the two, which does not mind where all features are turned or scaled together. 1 is no change. Kong and Zhang (CVPR 2023)
say that masked learning teaches features which occlusion changes least.

Example:
  lacuna evaluate occlusion runs/mae runs/byol --data cifar10`;

export function occlusionCommand(parent: Command, add: Add): void {
  const command = parent
    .command("occlusion")
    .description("How much of the features of visible patches stays when the others are hidden (a ViT's); no labels.")
    .argument("<models...>", "run folders or checkpoint files")
    .requiredOption("--data <pictures>", "cifar10, fashion-mnist, a folder or a list of pictures")
    .option("--limit <n>", "pictures at most, drawn by lot", wholeNumber, 128)
    .addHelpText("after", details);
  readingOptions(foreignOptions(command));
  add<Options>(command, (report, operands, options) => judge(report, operands as string[], options));
}

interface Curve {
  readonly model: string;
  readonly step: number;
  readonly curve: readonly OcclusionInvariance[];
}

async function judge(report: Report, paths: readonly string[], options: Options): Promise<number> {
  const { openSource } = await import("../../index.js");
  const { drawn, subsetOf } = await import("../../public/data.js");
  const { measureOcclusion } = await import("../../public/evaluate.js");
  const all = await openSource(parseSource(options.data, "test"));
  const source = subsetOf(all, drawn(all.size, options.limit));
  const curves: Curve[] = [];
  for (const path of paths) {
    using model = await openModel(report, path, loadOptions(options));
    curves.push({ model: model.path, step: model.step, curve: await measureOcclusion(model, source) });
  }
  report.result({ pictures: source.size, curves }, () => {
    report.table(tableOf(paths, curves));
    report.line(`${whole(source.size)} pictures; 1: features stay as they are.`);
  });
  return 0;
}

/** Models down, each by both measures; shares of hidden patches across. */
function tableOf(paths: readonly string[], curves: readonly Curve[]): string[][] {
  const cells = (curve: Curve["curve"], of: "cosine" | "alignment"): string[] =>
    curve.map((point) => point[of].toFixed(3));
  return [
    ["patches hidden", "", ...(curves[0]?.curve ?? []).map(({ ratio }) => `${Math.round(100 * ratio)} %`)],
    ...curves.flatMap(({ curve }, i) => [
      [paths[i] as string, "cosine", ...cells(curve, "cosine")],
      ["", "alignment", ...cells(curve, "alignment")],
    ]),
  ];
}
