import { type Command, InvalidArgumentError, Option } from "commander";
import type { PackFormat, PackSummary } from "../../public/data.js";
import { parseSource } from "../config/sources.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { bytes, percent } from "../words.js";

interface Options {
  readonly out: string;
  readonly format: PackFormat;
  readonly size: number;
  readonly channels?: number;
  readonly quality: number;
  readonly workers?: number;
}

const formats: readonly PackFormat[] = ["pixels", "jpeg", "files"];
/** So many skipped pictures are named; the rest are in the answer as JSON. */
const mostNamed = 10;

/** `lacuna data pack <pictures> --out <folder>` */
export function dataCommand(program: Command, add: Add): void {
  const group = program.command("data").summary("prepare pictures for training").description("Prepares pictures.");
  const command = group
    .command("pack")
    .summary("store pictures resized, in a few large files")
    .description(
      "Decodes and resizes pictures once, for many epochs of training without decoding. What stops it, kill -9 too, costs nothing: the same command goes on.",
    )
    .argument("<pictures>", "a folder, a list, cifar10:train, packed:<folder>")
    .requiredOption("--out <folder>", "where to; then use it as packed:<folder>")
    .addOption(
      new Option("--format <name>", "pixels: fastest. jpeg: a tenth of the space. files: the files as they are")
        .choices(formats)
        .default("pixels"),
    )
    .option("--size <pixels>", 'shorter side at most, or "any": keep every size', sizeOption, 256)
    .option("--channels <count>", "1 grey, 3 colour, 4 with alpha, or bands (default: 3)", wholeNumber)
    .option("--quality <n>", "of --format jpeg, 1 to 100", qualityOption, 90)
    .option("--workers <n>", "threads that decode (default: the cores)", wholeNumber);
  add<Options>(command, async (report, operands, options) => {
    const { machineLimits } = await import("../../public/plan.js");
    const { pack } = await import("../../index.js");
    const live = await report.live();
    const { channels } = options;
    try {
      const summary = await pack(parseSource(operands[0] as string), {
        ...{ out: options.out, format: options.format, size: options.size || null, quality: options.quality },
        ...(channels === undefined ? {} : { channels }),
        workers: options.workers ?? machineLimits().cores,
        onProgress: ({ done, total, skipped }) =>
          live.update(done / total, `${done}/${total} pictures, ${skipped} skipped`),
      });
      report.result(summary, () => describe(report, summary));
      return 0;
    } finally {
      live.stop();
    }
  });
}

/** 0 for "any": commander takes no null from a parser. */
function sizeOption(text: string): number {
  if (text === "any") return 0;
  const size = wholeNumber(text);
  if (size > 0) return size;
  throw new InvalidArgumentError('Expected a number of pixels, or "any".');
}

function qualityOption(text: string): number {
  const quality = wholeNumber(text);
  if (quality >= 1 && quality <= 100) return quality;
  throw new InvalidArgumentError("Expected a whole number from 1 to 100.");
}

function describe(report: Report, { out, pictures, skipped, bad, shards, bytes: size, resumedAt }: PackSummary): void {
  if (resumedAt > 0) report.line(`${resumedAt} pictures stood there already.`);
  const files = `${shards.length} file${shards.length === 1 ? "" : "s"}`;
  report.line(`${out}: ${pictures} pictures in ${files}, ${bytes(size)}.`);
  if (skipped > 0) report.line(`${skipped} skipped (${percent(skipped / (pictures + skipped), 1)}):`);
  for (const { path, code, reason } of bad.slice(0, mostNamed)) report.line(`  ${path}: ${code}: ${reason}`);
  if (skipped > mostNamed) report.line(`  and ${skipped - mostNamed} more (--json names them all)`);
  report.line(`Train on it: lacuna pretrain packed:${out}`);
}
