import { type Command, InvalidArgumentError } from "commander";
import type { GpuEstimate, RunConfig, Source } from "../../index.js";
import { type MinutesOption, minutesOption } from "../config/minutes.js";
import { resolveRun } from "../config/resolve.js";
import { type Add, checkOut, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { costOf, type ModelCost } from "../training/cost.js";
import { type Forecast, forecast, forecastRows, type Measured, remedyText } from "../training/plan.js";
import { bytes, duration, figure, scaled, whole } from "../words.js";
import { tellChoices } from "./pretrain.js";

interface Options extends MinutesOption {
  readonly pictures?: number;
  readonly diagram?: string;
  readonly measure?: boolean;
  readonly sizes?: readonly string[];
}

/** `lacuna plan <recipe | pictures>`: what a run would be, take and need, without training. */
export function planCommand(program: Command, add: Add): void {
  const command = program
    .command("plan")
    .summary("what a run would cost: size, time, memory, what limits it, and whether it fits")
    .description(
      "Works out a run without training it. How fast this machine multiplies is measured once, in about five seconds, and kept; how " +
        "fast it reads your pictures is measured on some of them.",
    )
    .usage("<pictures | recipe> [options] [--path.to.key=value …]")
    .argument("[what...]", "as for pretrain")
    .option("--pictures <n>", "how many pictures there are, where they are not here", wholeNumber)
    .option("--diagram <file>", "draw the model's modules with their shapes, an .svg")
    .option("--measure", "measure this machine again")
    .option("--sizes <list>", "compare sizes of the model in a table: tiny,small,base", sizeNames)
    .allowUnknownOption();
  minutesOption(command);
  add<Options>(command, async (report, operands, options) => {
    const own = ["pictures", "diagram", "measure", "sizes", "minutes", "json"];
    const { minutes } = options;
    const { config: said, defaults } = await resolveRun(operands as string[], own, minutes);
    if (options.diagram !== undefined) await draw(said, options.diagram);
    const cost = await costOf(said);
    const { text: _, ...numbers } = cost;
    const { source, ...asked } = await runNumbers(said, options.pictures);
    const measured = await measure(said, source, options.measure === true, report);
    const found = await forecast(said, measured);
    const { config, run } = await within(minutes, said, asked, found);
    const gpu = await gpuOf(cost.step / 3, run, config); // as of a forward pass with its backward pass
    const sizes = await compare(config, options.sizes ?? [], measured);
    const rows = {
      cost: costRows(cost),
      run: runRows(config, cost, run, gpu),
      forecast: [...forecastRows(found, run.steps), ...budgetRow(minutes, run)],
    };
    report.result({ ...numbers, ...run, gpu, forecast: found, ...(sizes.length > 0 ? { sizes } : {}), config }, () => {
      if (defaults !== undefined) tellChoices(report, defaults);
      report.table(rows.cost);
      report.line();
      report.table(rows.run);
      if (options.diagram !== undefined) report.line(`\nThe model is drawn in ${options.diagram}.`);
      report.line("\nOn this machine:");
      report.table(rows.forecast);
      const remedy = remedyText(found);
      if (remedy !== undefined) report.line(`\n${remedy}`);
      if (sizes.length > 0) report.line();
      if (sizes.length > 0) report.table(sizeRows(sizes, run, minutes));
    });
    return 0;
  });
}

function costRows(cost: ModelCost): string[][] {
  const { decoder } = cost;
  const besides =
    decoder.multiplyAdds > 0
      ? [
          ["encoder, visible patches", "", scaled(cost.encoderVisible)],
          ["decoder", whole(decoder.parameters), scaled(decoder.multiplyAdds)],
        ]
      : [["besides", whole(decoder.parameters), ""]]; // heads, a teacher
  return [
    ["", "parameters", "multiply-adds a picture"],
    ["encoder, whole picture", whole(cost.encoder.parameters), scaled(cost.encoder.multiplyAdds)],
    ...besides,
    ["training, forward pass", whole(cost.parameters), scaled(cost.multiplyAdds)],
  ];
}

function runRows(config: RunConfig, cost: ModelCost, run: RunNumbers, gpu: GpuEstimate | undefined): string[][] {
  const { data, optim } = config;
  return [
    ["trainable parameters", whole(cost.trainable)],
    ["effective batch", whole(data.batchSize)],
    ["learning rate", `${figure(run.learningRate)} = ${optim.baseLearningRate} × ${data.batchSize} / 256`],
    ...stepRows(run, cost.step * data.batchSize),
    ...gpuRows(gpu, config),
  ];
}

/** The modules as they run in training, at any batch. */
async function draw(config: RunConfig, path: string): Promise<void> {
  await checkOut(path, "--diagram", [".svg"]);
  const { diagram, recordRun, writeAtomic } = await import("../../index.js");
  const batch = 7; // a number that is no width
  const one = { ...config, data: { ...config.data, batchSize: batch }, optim: { ...config.optim, accumulate: 1 } };
  const { steps, parameters } = recordRun(one, "float32");
  writeAtomic(
    path,
    diagram(steps, { title: `${config.method.name}, ${config.model.name} in training`, batch, parameters }),
  );
}

/** The run with the steps that fit into the minutes, where such a length was said and the pictures are known. */
async function within(
  minutes: number | undefined,
  config: RunConfig,
  run: RunNumbers,
  { stepSeconds }: Forecast,
): Promise<{ config: RunConfig; run: RunNumbers }> {
  if (minutes === undefined || run.pictures === undefined) return { config, run };
  const { derive, withinMinutes } = await import("../../index.js");
  const long = withinMinutes(config, minutes, stepSeconds, run.pictures);
  const { steps, warmupSteps } = derive(long, run.pictures);
  return { config: long, run: { ...run, steps, warmupSteps } };
}

function budgetRow(minutes: number | undefined, { steps, stepsPerEpoch }: RunNumbers): string[][] {
  if (minutes === undefined || steps === undefined || stepsPerEpoch === undefined) return [];
  const epochs = figure(steps / stepsPerEpoch);
  return [
    [`in ${duration(60 * minutes)}`, `${whole(steps)} steps, ${epochs} epochs; the run itself times its own steps`],
  ];
}

/** What this machine does with the run's own pictures, where they are here. */
async function measure(
  config: RunConfig,
  source: Source | undefined,
  again: boolean,
  report: Report,
): Promise<Measured> {
  const { libtorchVersion, measureDecoding } = await import("../../index.js");
  libtorchVersion(); // loads it: a run has it too
  const decoding = source === undefined ? undefined : await measureDecoding(config, source);
  return {
    decodedPerSecond: decoding?.perSecond,
    processBytes: decoding?.processBytes ?? process.memoryUsage.rss(),
    again,
    tell: (line) => report.line(line),
  };
}

interface Compared extends Forecast {
  readonly size: string;
  readonly parameters: number;
}

/** The same run with models of other sizes. */
async function compare(config: RunConfig, sizes: readonly string[], measured: Measured): Promise<Compared[]> {
  const { models, parseConfig } = await import("../../index.js");
  const found: Compared[] = [];
  const { sized = [] } = models.get(config.model.name);
  const model = Object.fromEntries(Object.entries(config.model).filter(([key]) => !sized.includes(key)));
  for (const size of sizes) {
    const other = parseConfig({ ...config, model: { ...model, size } });
    const { parameters } = await costOf(other);
    found.push({ size, parameters, ...(await forecast(other, { ...measured, again: false })) });
  }
  return found;
}

function sizeRows(sizes: readonly Compared[], run: RunNumbers, minutes: number | undefined): string[][] {
  const length = ({ stepSeconds }: Compared): string => {
    if (run.steps === undefined) return "";
    return minutes === undefined ? duration(run.steps * stepSeconds) : whole(Math.floor((60 * minutes) / stepSeconds));
  };
  return [
    ["model", "parameters", "images/s", minutes === undefined ? "whole run" : "steps", "memory", ""],
    ...sizes.map((one) => [
      one.size,
      scaled(one.parameters),
      figure(one.imagesPerSecond),
      length(one),
      bytes(one.memory.totalBytes),
      one.fits ? "" : "does not fit",
    ]),
  ];
}

/** For commander: `tiny,small,base` */
function sizeNames(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  const known = ["tiny", "small", "base", "large", "huge"];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  throw new InvalidArgumentError(`Expected sizes out of ${known.join(", ")}, got ${unknown || "nothing"}.`);
}

interface RunNumbers {
  readonly source?: Source;
  readonly learningRate: number;
  readonly pictures?: number;
  readonly stepsPerEpoch?: number;
  readonly steps?: number;
  readonly warmupSteps?: number;
  /** Why there are no steps. */
  readonly note?: string;
}

async function runNumbers(config: RunConfig, given: number | undefined): Promise<RunNumbers> {
  const { derive, openSource } = await import("../../index.js");
  const learningRate = (config.optim.baseLearningRate * config.data.batchSize) / 256;
  let pictures = given;
  let source: Source | undefined;
  try {
    source = await openSource(config.data.source);
    pictures ??= source.size;
  } catch (error) {
    if (pictures === undefined)
      return { learningRate, note: `steps are not known: ${(error as Error).message} Or say --pictures <n>.` };
  }
  const { stepsPerEpoch, steps, warmupSteps } = derive(config, pictures);
  return { learningRate, pictures, stepsPerEpoch, steps, warmupSteps, ...(source === undefined ? {} : { source }) };
}

/** Multiply-adds a picture below which starting kernels takes a GPU longer than running them: no share of its peak fits. */
const leastForGpu = 1e9;

async function gpuOf(
  multiplyAdds: number,
  { steps }: RunNumbers,
  { data }: RunConfig,
): Promise<GpuEstimate | undefined> {
  const { estimateGpu } = await import("../../index.js");
  if (multiplyAdds < leastForGpu) return undefined;
  return steps === undefined ? undefined : estimateGpu({ multiplyAdds, pictures: steps * data.batchSize });
}

function gpuRows(gpu: GpuEstimate | undefined, { data }: RunConfig): string[][] {
  if (gpu === undefined) return [];
  const { hours, imagesPerSecond, basis, decodingHours, decodingCores } = gpu;
  const isFiles = data.source.kind === "folder" || data.source.kind === "list";
  const cores = `${whole(Math.ceil(decodingCores))} core${decodingCores > 1 ? "s" : ""}`;
  return [
    ["on a large GPU", `about ${duration(hours * 3600)}, ${whole(imagesPerSecond)} images/s (${basis})`],
    ...(isFiles
      ? [["decoding", `${duration(decodingHours * 3600)} of one core for JPEGs of 500 × 375: ${cores} keep up`]]
      : []),
  ];
}

function stepRows({ pictures, stepsPerEpoch, steps, warmupSteps, note }: RunNumbers, stepCost: number): string[][] {
  if (steps === undefined) return [["steps", note ?? ""]];
  const total = stepCost * steps;
  return [
    ["pictures", whole(pictures ?? 0)],
    ["steps", `${whole(steps)}, ${whole(stepsPerEpoch ?? 0)} an epoch, warm-up ${whole(warmupSteps ?? 0)}`],
    ["the whole run", `${scaled(total)} multiply-adds, backward counted as twice forward`],
  ];
}
