/** `lacuna evaluate attentive`: a learned query over all tokens of the frozen encoder, and a linear layer behind it. */
import type { Command } from "commander";
import type { AttentiveRow } from "../../public/evaluate.js";
import type { LoadOptions } from "../../public/models.js";
import { foreignOptions, loadOptions, readingOptions } from "../config/foreign.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { gainWords, percent, percentInterval, whole } from "../words.js";
import { type LabelledOptions, openLabelled, tellSides } from "./labelled.js";
import { openModel } from "./model.js";

interface Options extends LabelledOptions, LoadOptions {
  readonly epochs: number;
}

const details = `
The probe of CAE (Chen et al. 2022): one query, layer norms, cross-attention, batch norm without affine, a linear layer; SGD with Nesterov
momentum, ten epochs of warm-up in ninety, half a cosine. Here pictures are whole and not augmented, a step has 256 of them, and the rate is
chosen on a fifth of the pictures to learn from: 0.4, 0.1 or 0.025. It says what the patches know where a class token or a mean does not.

All tokens stay in memory: 0.05 MB a picture for a ViT-Ti/4 at 32 px, 0.6 MB for a ViT-B/16 at 224 px. --limit says how many pictures.

Example:
  lacuna evaluate attentive runs/cae --data cifar10 --limit 5000`;

export function attentiveCommand(parent: Command, add: Add): void {
  const command = parent
    .command("attentive")
    .description("Trains the attentive probe on the frozen encoder's tokens, beside the untrained encoder.")
    .argument("<model>", "a run folder or a checkpoint file")
    .option("--data <pictures>", "cifar10, fashion-mnist, or a folder with a folder for each class (or train and test)")
    .option("--train <pictures>", "labelled pictures to learn from, with --test")
    .option("--test <pictures>", "labelled pictures to judge by, with --train")
    .option("--limit <n>", "labelled pictures of each side at most", wholeNumber, 5000)
    .option("--epochs <n>", "passes of a probe over the pictures", wholeNumber, 90)
    .addHelpText("after", details);
  readingOptions(foreignOptions(command));
  add<Options>(command, (report, operands, options) => judge(report, operands[0] as string, options));
}

async function judge(report: Report, path: string, options: Options): Promise<number> {
  const { attentiveGain, evaluateAttentive, wilsonInterval } = await import("../../public/evaluate.js");
  const { tableNote } = await import("./comparison.js");
  const sides = await openLabelled(options);
  using model = await openModel(report, path, loadOptions(options));
  await tellSides(report, sides, model.config.data.source);
  const { train, test } = sides;
  const rows = await report.showing((live) =>
    evaluateAttentive(model, {
      train,
      test,
      epochs: options.epochs,
      onProgress: (progress) =>
        progress.stage === "probe"
          ? live.update(progress.share, `${progress.encoder}: training probes`)
          : live.update(
              progress.done / progress.total,
              `${progress.encoder}: tokens of ${whole(progress.total)} pictures`,
            ),
    }),
  );
  const [before, after] = rows;
  const cells = ({ name, accuracy, pictures, meanPerClass, trainAccuracy, rate }: AttentiveRow): string[] => [
    name,
    percentInterval(accuracy, wilsonInterval(accuracy, pictures)),
    percent(meanPerClass),
    percent(trainAccuracy),
    String(rate),
  ];
  const plain = rows.map(({ right: _, ...row }) => row);
  report.result({ measure: "attentive", model: model.path, step: model.step, rows: plain }, () => {
    report.table([["accuracy", "attentive probe", "per class", "learned", "rate"], ...rows.map(cells)]);
    report.line(tableNote(test.size));
    report.line(`Training ${gainWords(attentiveGain(before, after))}.`);
  });
  return 0;
}
