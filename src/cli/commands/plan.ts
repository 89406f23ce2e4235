import { type Command, InvalidArgumentError } from "commander";
import type { RunConfig } from "../../index.js";
import type { ForeignHints } from "../../public/models.js";
import type { ComparedSize, GpuEstimate, ModelCost, RunNumbers } from "../../public/plan.js";
import { foreignOptions } from "../config/foreign.js";
import { type MinutesOption, minutesOption } from "../config/minutes.js";
import { resolveRun } from "../config/resolve.js";
import { type Add, checkOut, wholeNumber } from "../options.js";
import { forecastRows, remedyText } from "../training/plan.js";
import { bytes, duration, figure, scaled, whole } from "../words.js";
import { tellChoices } from "./pretrain.js";

interface Options extends MinutesOption, ForeignHints {
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
  minutesOption(foreignOptions(command));
  add<Options>(command, async (report, operands, options) => {
    const own = ["pictures", "diagram", "measure", "sizes", "minutes", "json"];
    const { minutes } = options;
    const { config: said, defaults } = await resolveRun(operands as string[], own, minutes, options);
    if (options.diagram !== undefined) await draw(said, options.diagram);
    const { planRun } = await import("../../public/plan.js");
    const { pictures, measure: again = false, sizes: asked = [] } = options;
    const tell = (line: string): void => report.line(line);
    const planned = await planRun(said, { pictures, minutes, again, sizes: asked, tell });
    const { config, cost, gpu, forecast: found, sizes } = planned;
    const { unknown, ...numbers } = planned.run;
    const note = unknown === undefined ? undefined : `steps are not known: ${unknown} Or say --pictures <n>.`;
    const run = { ...numbers, ...(note === undefined ? {} : { note }) };
    const rows = {
      cost: costRows(cost),
      run: runRows(config, cost, run, gpu),
      forecast: [...forecastRows(found, run.steps), ...budgetRow(minutes, run)],
    };
    report.result({ ...cost, ...run, gpu, forecast: found, ...(sizes.length > 0 ? { sizes } : {}), config }, () => {
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

function runRows(config: RunConfig, cost: ModelCost, run: ToldNumbers, gpu: GpuEstimate | undefined): string[][] {
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
  const { diagram, recordRun } = await import("../../public/plan.js");
  const { writeAtomic } = await import("../../public/formats.js");
  const batch = 7; // a number that is no width
  const one = { ...config, data: { ...config.data, batchSize: batch }, optim: { ...config.optim, accumulate: 1 } };
  const { steps, parameters } = recordRun(one, "float32", { inModules: true });
  writeAtomic(
    path,
    diagram(steps, { title: `${config.method.name}, ${config.model.name} in training`, batch, parameters }),
  );
}

function budgetRow(minutes: number | undefined, { steps, stepsPerEpoch }: ToldNumbers): string[][] {
  if (minutes === undefined || steps === undefined || stepsPerEpoch === undefined) return [];
  const epochs = figure(steps / stepsPerEpoch);
  return [
    [`in ${duration(60 * minutes)}`, `${whole(steps)} steps, ${epochs} epochs; the run itself times its own steps`],
  ];
}

function sizeRows(sizes: readonly ComparedSize[], run: ToldNumbers, minutes: number | undefined): string[][] {
  const length = ({ stepSeconds }: ComparedSize): string => {
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

/** With why there are no steps. */
type ToldNumbers = Omit<RunNumbers, "unknown"> & { readonly note?: string };

function gpuRows(gpu: GpuEstimate | undefined, { data }: RunConfig): string[][] {
  if (gpu === undefined) return [];
  const { hours, imagesPerSecond, basis, decodingHours, decodingCores } = gpu;
  const isFiles = ["folder", "list", "tar"].includes(data.source.kind);
  const cores = `${whole(Math.ceil(decodingCores))} core${decodingCores > 1 ? "s" : ""}`;
  return [
    ["on a large GPU", `about ${duration(hours * 3600)}, ${whole(imagesPerSecond)} images/s (${basis})`],
    ...(isFiles
      ? [["decoding", `${duration(decodingHours * 3600)} of one core for JPEGs of 500 × 375: ${cores} keep up`]]
      : []),
  ];
}

function stepRows({ pictures, stepsPerEpoch, steps, warmupSteps, note }: ToldNumbers, stepCost: number): string[][] {
  if (steps === undefined) return [["steps", note ?? ""]];
  const total = stepCost * steps;
  return [
    ["pictures", whole(pictures ?? 0)],
    ["steps", `${whole(steps)}, ${whole(stepsPerEpoch ?? 0)} an epoch, warm-up ${whole(warmupSteps ?? 0)}`],
    ["the whole run", `${scaled(total)} multiply-adds, backward counted as twice forward`],
  ];
}
