/** `lacuna evaluate zero-shot` and `lacuna evaluate retrieval`: what a model knows of texts that go with pictures. */
import type { Command } from "commander";
import type { LoadOptions } from "../../public/models.js";
import { loadOptions, readingOptions } from "../config/foreign.js";
import { parseSource } from "../config/sources.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { scoresText } from "../training/accuracy.js";
import { percent, whole } from "../words.js";
import { openModel } from "./model.js";

interface Options extends LoadOptions {
  readonly data: string;
  readonly limit: number;
  readonly template?: readonly string[];
}

const model = ["<run>", "a run of a method that learns from captions (flip), or one of its checkpoint files"] as const;

export function zeroShotCommands(parent: Command, add: Add): void {
  const shot = parent
    .command("zero-shot")
    .description("Names pictures by the class whose description is nearest: nothing is learned from their labels.")
    .argument(...model)
    .requiredOption("--data <pictures>", "cifar10, fashion-mnist, or a folder with a folder for each class")
    .option("--template <sentences...>", "sentences about a class, with {} for its name (default: FLIP's seven)")
    .option("--limit <n>", "pictures at most", wholeNumber, 10_000);
  add<Options>(readingOptions(shot), (report, operands, options) => name(report, operands[0] as string, options));
  const found = parent
    .command("retrieval")
    .description("How often a picture finds its caption among all, and a caption its picture.")
    .argument(...model)
    .requiredOption("--data <table>", "pictures with captions (.csv, .tsv, .jsonl, tar archives)")
    .option("--limit <n>", "pairs at most", wholeNumber, 5000);
  add<Options>(readingOptions(found), (report, operands, options) => find(report, operands[0] as string, options));
}

async function name(report: Report, path: string, options: Options): Promise<number> {
  const { wilsonInterval, zeroShot } = await import("../../public/evaluate.js");
  const source = await opened(options);
  using loaded = await openModel(report, path, loadOptions(options));
  const { template } = options;
  const scores = await zeroShot(loaded, source, template === undefined ? {} : { templates: template });
  report.result({ model: loaded.path, step: loaded.step, ...scores }, () => {
    const { top1, top5, meanPerClass, pictures } = scores;
    const text = scoresText({ scores: { top1, top5, meanPerClass }, interval: wilsonInterval(top1, pictures) });
    report.line(`${whole(pictures)} pictures of ${scores.perClass.length} classes: ${text}`);
  });
  return 0;
}

async function find(report: Report, path: string, options: Options): Promise<number> {
  const { retrieval } = await import("../../public/evaluate.js");
  const source = await opened(options);
  using loaded = await openModel(report, path, loadOptions(options));
  const rows = await retrieval(loaded, source);
  const pairs = rows[0]?.pairs ?? 0;
  report.result({ model: loaded.path, step: loaded.step, pairs, rows }, () => {
    report.table([
      ["among the nearest", "picture to caption", "caption to picture"],
      ...rows.map(({ k, imageToText, textToImage }) => [whole(k), percent(imageToText), percent(textToImage)]),
    ]);
    report.line(`${whole(pairs)} pairs; by chance the nearest is right in ${percent(1 / pairs)}.`);
  });
  return 0;
}

async function opened({ data, limit }: Options): ReturnType<typeof import("../../index.js").openSource> {
  const { openSource } = await import("../../index.js");
  const { someByName } = await import("../../public/data.js");
  return someByName(await openSource(parseSource(data, "test")), limit);
}
