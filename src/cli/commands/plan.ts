import type { Command } from "commander";
import type { GpuEstimate, RunConfig } from "../../index.js";
import { resolveRun } from "../config/resolve.js";
import { type Add, wholeNumber } from "../options.js";
import { costOf } from "../training/cost.js";
import { duration, figure, scaled, whole } from "../words.js";
import { tellChoices } from "./pretrain.js";

interface Options {
  readonly pictures?: number;
}

/** `lacuna plan <recipe | pictures>`: what a run would be, with nothing allocated. */
export function planCommand(program: Command, add: Add): void {
  const command = program
    .command("plan")
    .summary("what a run would cost: parameters, multiply-adds, steps, learning rate")
    .description("Works out a run without training or allocating anything.")
    .usage("<pictures | recipe> [options] [--path.to.key=value …]")
    .argument("[what...]", "as for pretrain")
    .option("--pictures <n>", "how many pictures there are, where they are not here", wholeNumber)
    .allowUnknownOption();
  add<Options>(command, async (report, operands, options) => {
    const { config, defaults } = await resolveRun(operands as string[], ["pictures", "json"]);
    const cost = await costOf(config);
    const { text: _, ...numbers } = cost;
    const run = await runNumbers(config, options.pictures);
    const gpu = await gpuOf(cost.multiplyAdds, run, config);
    report.result({ ...numbers, ...run, gpu, config }, () => {
      if (defaults !== undefined) tellChoices(report, defaults);
      report.table([
        ["", "parameters", "multiply-adds a picture"],
        ["encoder, whole picture", whole(cost.encoder.parameters), scaled(cost.encoder.multiplyAdds)],
        ["encoder, visible patches", "", scaled(cost.encoderVisible)],
        ["decoder", whole(cost.decoder.parameters), scaled(cost.decoder.multiplyAdds)],
        ["training, forward pass", whole(cost.parameters), scaled(cost.multiplyAdds)],
      ]);
      report.line();
      report.table([
        ["trainable parameters", whole(cost.trainable)],
        ["effective batch", whole(config.data.batchSize)],
        [
          "learning rate",
          `${figure(run.learningRate)} = ${config.optim.baseLearningRate} × ${config.data.batchSize} / 256`,
        ],
        ...stepRows(run, cost.multiplyAdds * config.data.batchSize),
        ...gpuRows(gpu, config),
      ]);
    });
    return 0;
  });
}

interface RunNumbers {
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
  try {
    pictures ??= (await openSource(config.data.source)).size;
  } catch (error) {
    return { learningRate, note: `steps are not known: ${(error as Error).message} Or say --pictures <n>.` };
  }
  const { stepsPerEpoch, steps, warmupSteps } = derive(config, pictures);
  return { learningRate, pictures, stepsPerEpoch, steps, warmupSteps };
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

function stepRows({ pictures, stepsPerEpoch, steps, warmupSteps, note }: RunNumbers, batchCost: number): string[][] {
  if (steps === undefined) return [["steps", note ?? ""]];
  const total = 3 * batchCost * steps; // backward costs twice the forward pass
  return [
    ["pictures", whole(pictures ?? 0)],
    ["steps", `${whole(steps)}, ${whole(stepsPerEpoch ?? 0)} an epoch, warm-up ${whole(warmupSteps ?? 0)}`],
    ["the whole run", `${scaled(total)} multiply-adds, backward counted as twice forward`],
  ];
}
