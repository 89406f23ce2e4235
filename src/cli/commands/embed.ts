import type { Command } from "commander";
import type { LoadOptions } from "../../public/models.js";
import { foreignOptions, loadOptions, poolOption, readingOptions } from "../config/foreign.js";
import { parseSource } from "../config/sources.js";
import { openModel } from "../measure/model.js";
import { showShare } from "../measure/progress.js";
import { type Add, checkOut, wholeNumber } from "../options.js";
import { whole } from "../words.js";

interface Options extends LoadOptions {
  readonly out: string;
  readonly batch: number;
}

/** `lacuna embed <run> <pictures> --out f.npy` */
export function embedCommand(program: Command, add: Add): void {
  const command = program
    .command("embed")
    .summary("one feature vector for each picture")
    .description(
      "Writes the mean of the encoder's patch tokens of every picture: nothing is masked, nothing is random. The " +
        "pictures' names stand in <out>.names.txt, one a line, or in the first column of a CSV.",
    )
    .argument("<model>", "a run folder or a checkpoint file")
    .argument("<pictures>", "a folder, a list, tar archives, cifar10:train, cifar10:test or fashion-mnist:test")
    .requiredOption("--out <file>", "ends in .npy, .safetensors or .csv")
    .option("--batch <n>", "pictures at a time", wholeNumber, 64);
  readingOptions(poolOption(foreignOptions(command)));
  add<Options>(command, async (report, operands, options) => {
    const { embedSource, featureFormats } = await import("../../public/evaluate.js");
    await checkOut(options.out, "--out", featureFormats);
    const { openSource } = await import("../../index.js");
    const source = await openSource(parseSource(operands[1] as string, "test"));
    using model = await openModel(report, operands[0] as string, loadOptions(options));
    const result = await report.showing((live) =>
      embedSource(model, source, options.out, { batchSize: options.batch, onBatch: showShare(live, source) }),
    );
    report.result(result, () => {
      report.line(
        `${whole(result.pictures)} × ${result.dimensions} float32 of ${model.path}: ${result.files.join(", ")}`,
      );
      for (const { path, reason } of result.skipped) report.line(`left out ${path}: ${reason}`);
    });
    return 0;
  });
}
