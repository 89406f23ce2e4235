import type { Command } from "commander";
import type { LoadOptions } from "../../public/models.js";
import { foreignOptions, loadOptions, readingOptions } from "../config/foreign.js";
import { openModel } from "../measure/model.js";
import { openPictures } from "../measure/pictures.js";
import { type Add, checkOut, wholeNumber } from "../options.js";

interface Options extends LoadOptions {
  readonly out: string;
  readonly side?: number;
}

/** Pictures taken of a folder or a published set. */
const mostPictures = 8;

const details = `
A row for each picture: the picture; where the class token looks in the last block, a map for each head and their mean (a ViT's);
the features of all places along their three main axes, as red, green and blue. Larger pictures (--side) have finer maps.

Example:
  lacuna attend runs/dino dog.jpg cat.jpg --side 448 --out attention.png`;

/** `lacuna attend <model> <pictures…> --out x.png` */
export function attendCommand(program: Command, add: Add): void {
  const command = program
    .command("attend")
    .summary("where an encoder looks, and what it tells apart")
    .description("Writes one picture with maps of attention by head, and of features.")
    .argument("<model>", "a run, a checkpoint, or a model of somebody else")
    .argument("<pictures...>", `files; of a folder, a list or cifar10:test the first ${mostPictures}`)
    .requiredOption("--out <file>", "a .png")
    .option("--side <pixels>", "of the pictures as the model sees them (default: as in training)", wholeNumber)
    .addHelpText("after", details);
  readingOptions(foreignOptions(command));
  add<Options>(command, async (report, operands, options) => {
    const [path, ...pictures] = operands as string[];
    const { subsetOf } = await import("../../public/data.js");
    const { writeAtomic } = await import("../../public/formats.js");
    const { attend } = await import("../../public/evaluate.js");
    await checkOut(options.out, "--out", [".png"]);
    using model = await openModel(report, path as string, loadOptions(options));
    const given = await openPictures(pictures);
    const isMany = given.size > mostPictures && pictures.length === 1;
    const source = isMany ? subsetOf(given, [...Array(mostPictures).keys()]) : given;
    const { png, heads, grid, explained, note } = await attend(model, source, { side: options.side });
    writeAtomic(options.out, png);
    const result = { out: options.out, model: model.path, step: model.step, heads, grid, explained, note };
    report.result(result, () => {
      const maps = heads === 0 ? "no attention" : `${heads} head${heads === 1 ? "" : "s"}`;
      const shown = `${source.size} picture${source.size === 1 ? "" : "s"}, ${maps}, ${grid.join(" × ")} places`;
      report.line(`${options.out}: ${shown}, by ${model.path}`);
      report.line(note);
    });
    return 0;
  });
}
