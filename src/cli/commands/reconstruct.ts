import { type Command, Option } from "commander";
import type { LoadOptions } from "../../public/models.js";
import { foreignOptions, loadOptions, readingOptions } from "../config/foreign.js";
import { openModel } from "../measure/model.js";
import { openPictures } from "../measure/pictures.js";
import { type Add, checkOut, positiveNumber, wholeNumber } from "../options.js";
import { percent } from "../words.js";

interface Options extends LoadOptions {
  readonly out: string;
  readonly seed: number;
  readonly mask?: string;
  readonly ratio?: number;
  readonly predicted?: boolean;
}

/** Pictures taken of a folder or a published set. */
const mostPictures = 8;

/** `lacuna reconstruct <run> <pictures…> --out x.png` */
export function reconstructCommand(program: Command, add: Add): void {
  const command = program
    .command("reconstruct")
    .summary("hide patches of pictures and fill them in")
    .description("Writes one picture with the columns original, masked, rebuilt.")
    .argument("<model>", "a run folder or a checkpoint file")
    .argument("<pictures...>", `files; of a folder, a list or cifar10:test the first ${mostPictures}`)
    .requiredOption("--out <file>", "a .png")
    .option("--seed <n>", "another seed hides other patches", wholeNumber, 0)
    .addOption(
      new Option(
        "--mask <file>",
        "JSON: the visible patches' numbers, or rows of 0 (visible) and 1 (hidden)",
      ).conflicts("ratio"),
    )
    .option("--ratio <share>", "hide this share of the patches, at random (default: as in training)", positiveNumber)
    .option("--predicted", "show predictions everywhere, not only in place of hidden patches");
  readingOptions(foreignOptions(command));
  add<Options>(command, async (report, operands, options) => {
    const [path, ...pictures] = operands as string[];
    const { subsetOf } = await import("../../public/data.js");
    const { withMethod } = await import("../../public/models.js");
    const { writeAtomic } = await import("../../public/formats.js");
    const { readMask, reconstruct } = await import("../../public/evaluate.js");
    await checkOut(options.out, "--out", [".png"]);
    using opened = await openModel(report, path as string, loadOptions(options));
    const model = withMethod(opened);
    const given = await openPictures(pictures);
    const isMany = given.size > mostPictures && pictures.length === 1;
    const source = isMany ? subsetOf(given, [...Array(mostPictures).keys()]) : given;
    const { seed, ratio, mask, predicted } = options;
    const grid = model.method.hiding?.().grid;
    const visible = mask === undefined || grid === undefined ? undefined : readMask(mask, grid);
    const shown = predicted === true ? "predicted" : "pasted";
    const made = await reconstruct(model, source, { seed, ratio, visible, shown });
    writeAtomic(options.out, made.png);
    const result = { out: options.out, model: model.path, step: model.step, hidden: made.hidden, note: made.note };
    report.result(result, () => {
      report.line(
        `${options.out}: ${source.size} picture${source.size === 1 ? "" : "s"}, ${percent(made.hidden, 0)} hidden, by ${model.path}`,
      );
      report.line(made.note);
    });
    return 0;
  });
}
