import type { Command } from "commander";
import type { Batch, ForeignHints, LoadedModel, Source } from "../../index.js";
import { parseSource } from "../config/sources.js";
import { openModel } from "../measure/model.js";
import { type Add, checkOut, foreignHints, foreignOptions, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { whole } from "../words.js";

interface Options extends ForeignHints {
  readonly pool?: "mean" | "class";
  readonly out: string;
  readonly batch: number;
  readonly device?: string;
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
    .argument("<pictures>", "a folder, a list, cifar10:train, cifar10:test or fashion-mnist:test")
    .requiredOption("--out <file>", "ends in .npy, .safetensors or .csv")
    .option("--batch <n>", "pictures at a time", wholeNumber, 64)
    .option("--pool <how>", "mean (over positions) or class (the class token); as it was trained if absent")
    .option("--device <name>", "cpu or cuda");
  foreignOptions(command);
  add<Options>(command, async (report, operands, options) => {
    const { featureFormats } = await import("../measure/feature-file.js");
    await checkOut(options.out, "--out", featureFormats);
    const { openSource } = await import("../../index.js");
    const source = await openSource(parseSource(operands[1] as string, "test"));
    using model = await openModel(report, operands[0] as string, {
      ...foreignHints(options),
      device: options.device,
      pool: options.pool,
    });
    const result = await embed(model, source, options, report);
    report.result(result, () => {
      report.line(
        `${whole(result.pictures)} × ${result.dimensions} float32 of ${model.path}: ${result.files.join(", ")}`,
      );
      for (const { path, reason } of result.skipped) report.line(`left out ${path}: ${reason}`);
    });
    return 0;
  });
}

interface Embedded {
  readonly files: string[];
  readonly pictures: number;
  readonly dimensions: number;
  readonly skipped: readonly { path: string; reason: string }[];
}

async function embed(model: LoadedModel, source: Source, { out, batch }: Options, report: Report): Promise<Embedded> {
  const { plainLoader } = await import("../../index.js");
  const { FeatureFile } = await import("../measure/feature-file.js");
  const { config, encoder } = model;
  // Every picture that can be read counts, however many cannot.
  const lenient = { ...config, data: { ...config.data, maxBadShare: 1 } };
  await using loader = plainLoader(lenient, source, Math.max(1, Math.min(batch, source.size)));
  using file = new FeatureFile(out, encoder.width, source.size, { model: model.path, step: String(model.step) });
  const live = await report.live();
  const skipped: { path: string; reason: string }[] = [];
  let [seen, written] = [0, 0];
  for await (const pictures of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
    skipped.push(...pictures.bad.map(({ path, reason }) => ({ path, reason })));
    const rows = await ownRows(model, pictures, seen);
    file.add(
      rows.map(({ sample }) => source.name(sample)),
      joined(
        rows.map(({ values }) => values),
        encoder.width,
      ),
    );
    seen += pictures.samples.length;
    written += rows.length;
    live.update(seen / source.size, `${whole(seen)}/${whole(source.size)} pictures`);
  }
  live.stop();
  return { files: file.finish(), pictures: written, dimensions: encoder.width, skipped };
}

/** Rows of a batch whose picture is the one in turn: the loader puts another in the place of one that cannot be read. */
async function ownRows(
  model: LoadedModel,
  batch: Batch,
  first: number,
): Promise<{ sample: number; values: Float32Array }[]> {
  const { noGrad, scope, toImages } = await import("../../index.js");
  const { mean, std } = model.config.data;
  const view = batch.views["image"];
  if (view === undefined) return [];
  const values = scope(() =>
    noGrad(() =>
      model
        .features(toImages(view, mean, std, model.config.device))
        .toDevice("cpu")
        .float()
        .toArray(),
    ),
  ) as Float32Array;
  const width = model.encoder.width;
  return Array.from(batch.samples).flatMap((sample, i) =>
    sample === first + i ? [{ sample, values: values.subarray(i * width, (i + 1) * width) }] : [],
  );
}

function joined(rows: readonly Float32Array[], width: number): Float32Array {
  const whole = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) whole.set(row, i * width);
  return whole;
}
