import { statSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import type { Batch, Hiding, LoadedMethod, Source, Step, Tensor } from "../../index.js";
import { parseSource } from "../config/sources.js";
import { UsageError } from "../errors.js";
import { openModel } from "../measure/model.js";
import { type Add, checkOut, positiveNumber, wholeNumber } from "../options.js";
import { percent } from "../words.js";

interface Options {
  readonly out: string;
  readonly seed: number;
  readonly mask?: string;
  readonly ratio?: number;
  readonly predicted?: boolean;
  readonly device?: string;
}

type BatchView = Batch["views"][string];

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
    .option("--predicted", "show predictions everywhere, not only in place of hidden patches")
    .option("--device <name>", "cpu or cuda");
  add<Options>(command, async (report, operands, options) => {
    const [path, ...pictures] = operands as string[];
    const { withMethod, writeAtomic } = await import("../../index.js");
    await checkOut(options.out, "--out", [".png"]);
    using opened = await openModel(report, path as string, { device: options.device });
    const model = withMethod(opened);
    const source = await openPictures(pictures);
    const made = await reconstruct(model, source, options);
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

/** Files as they are named, or the first pictures of one source. */
async function openPictures(pictures: readonly string[]): Promise<Source> {
  const { openSource } = await import("../../index.js");
  const [first = ""] = pictures;
  const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  if (pictures.length === 1 && (!isFile(first) || first.endsWith(".txt"))) {
    const source = await openSource(parseSource(first, "test"));
    return firstOf(source, mostPictures);
  }
  const missing = pictures.find((path) => !isFile(path));
  if (missing !== undefined)
    throw new UsageError({ code: "picture", path: missing, expected: "a picture file", actual: "none of that name" });
  const paths = pictures.map((path) => resolve(path).slice(1));
  return {
    spec: { kind: "list", path: "the command line", part: "all", holdOut: 0, seed: 0 },
    size: paths.length,
    fingerprint: "",
    classes: undefined,
    labels: undefined,
    name: (index) => pictures[index] as string,
    content: { kind: "files", root: "/", paths },
  };
}

function firstOf(source: Source, count: number): Source {
  const { content } = source;
  const size = Math.min(count, source.size);
  return content.kind === "files"
    ? { ...source, size, content: { ...content, paths: content.paths.slice(0, size) } }
    : { ...source, size };
}

async function reconstruct(
  model: LoadedMethod,
  source: Source,
  options: Options,
): Promise<{ png: Buffer; hidden: number; note: string }> {
  const { alone, autocast, reconstructionPanels, renderPanels, Rng, scope, toImages } = await import("../../index.js");
  const { readMask } = await import("../measure/mask-file.js");
  const { config, method, precision } = model;
  const hiding = method.hiding?.();
  if (hiding === undefined) throw fillsNothing(model);
  const { mean, std } = config.data;
  const view = await readPixels(model, source);
  const samples = Array.from({ length: source.size }, (_, i) => i);
  const step: Step = {
    index: 0,
    epoch: 0,
    progress: 0,
    rng: new Rng(options.seed, "reconstruct", 0, samples),
    world: alone,
  };
  const visible = options.mask === undefined ? undefined : readMask(options.mask, hiding.grid);
  const kept = visible?.length ?? keptOf(hiding, options.ratio);
  const wanted = { visible, kept, isGiven: visible !== undefined || options.ratio !== undefined };
  const shown = options.predicted === true ? "predicted" : "pasted";
  const panels = await masked(model, hiding, step, wanted, (mask) =>
    scope(() => {
      const images = toImages(view, mean, std, config.device); // [B C H W]
      const how = { step, mean, std, shown, ...(mask === undefined ? {} : { mask }) } as const;
      return autocast(precision, () => reconstructionPanels(method, images, how), config.device);
    }),
  );
  if (panels === undefined) throw fillsNothing(model);
  const note = method.pictureNote?.() ?? "";
  return { png: await renderPanels(panels, note), hidden: 1 - kept / cellsOf(hiding), note };
}

/** All pictures, as the model sees them; copied, since a loader's memory ends with it. */
async function readPixels({ config }: LoadedMethod, source: Source): Promise<BatchView> {
  const { plainLoader } = await import("../../index.js");
  await using loader = plainLoader({ ...config, data: { ...config.data, workers: 0 } }, source, source.size);
  const { value: batch } = await loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 }).next();
  const view = batch?.views["image"];
  if (batch === undefined || view === undefined) throw new RangeError("there are no pictures");
  const [bad] = batch.bad;
  if (bad === undefined) return { ...view, data: view.data.slice() };
  const actual = `${bad.code}: ${bad.reason}`;
  throw new UsageError({ code: "picture", path: bad.path, expected: "a picture that can be read", actual });
}

function fillsNothing({ path, config }: LoadedMethod): UsageError {
  return new UsageError({
    code: "method",
    path,
    expected: "a method that fills in pictures",
    actual: config.method.name,
  });
}

function cellsOf({ grid: [rows, columns] }: Hiding): number {
  return rows * columns;
}

function keptOf(hiding: Hiding, ratio = hiding.share): number {
  const cells = cellsOf(hiding);
  const kept = Math.trunc(cells * (1 - ratio));
  if (kept > 0 && kept < cells) return kept;
  throw new UsageError({
    code: "ratio",
    path: "--ratio",
    expected: `a share that leaves some of ${cells} patches visible and some hidden`,
    actual: `${ratio}`,
  });
}

interface Wanted {
  readonly visible: readonly number[] | undefined;
  readonly kept: number;
  readonly isGiven: boolean;
}

/** Calls `body` with a mask: the order of patches, visible ones first; undefined lets the method draw its own. */
async function masked<R>(
  { config }: LoadedMethod,
  hiding: Hiding,
  { rng }: Step,
  { visible, kept, isGiven }: Wanted,
  body: (mask: { ids: Tensor; kept: number } | undefined) => R,
): Promise<R> {
  if (!isGiven) return body(undefined);
  const { scope, tensor } = await import("../../index.js");
  const patches = cellsOf(hiding);
  return scope(() => {
    if (visible === undefined)
      return body({ ids: rng.fork("mask").uniform([patches], config.device).argsort(1), kept });
    const seen = new Set(visible);
    const order = [...visible, ...Array.from({ length: patches }, (_, i) => i).filter((i) => !seen.has(i))];
    const rows = rng.samples.flatMap(() => order.map(BigInt));
    const ids = tensor(BigInt64Array.from(rows), [rng.samples.length, patches], { device: config.device }); // [B N]
    return body({ ids, kept });
  });
}
