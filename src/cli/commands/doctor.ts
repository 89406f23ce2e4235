import { readdirSync, readFileSync, statSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import type { DoctorReport, SourceInput } from "../../index.js";
import type { PictureSurvey } from "../../public/data.js";
import { checkRecipeFile, recipeText } from "../config/recipe-file.js";
import { parseSource, sourceName } from "../config/sources.js";
import { errorText } from "../errors.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { bytes } from "../words.js";

/** Apart from 1 and 2, so that a bad folder is told from a doctor that could not look. */
const codes: Record<DoctorReport["status"], number> = { good: 0, warnings: 3, bad: 4 };

interface Options {
  readonly channels?: number;
  readonly writeRecipe?: string;
  readonly overwrite?: boolean;
}

/** `lacuna doctor [pictures]` */
export function doctorCommand(program: Command, add: Add): void {
  const command = program
    .command("doctor")
    .summary("examine a folder of pictures, or this machine")
    .description("With pictures: decodes each of them and says what is wrong. Without: what this machine offers.")
    .argument("[pictures]", "a folder, a list or tar archives")
    .option(
      "--channels <count>",
      "decode with this number of channels (default: 3, or those of .npy arrays)",
      wholeNumber,
    )
    .option("--write-recipe <file.ts>", "write a recipe for these pictures, with their own mean and deviation")
    .option("--overwrite", "replace the recipe that is there")
    .addHelpText(
      "after",
      "\nExit codes: 0 good · 3 something wants a look · 4 not ready for training; a machine: 1 where libtorch cannot be used.",
    );
  add<Options>(command, async (report, operands, options) => {
    const [pictures] = operands;
    if (options.writeRecipe !== undefined) checkRecipeFile(options.writeRecipe, options.overwrite === true);
    return pictures === undefined ? examineMachine(report) : examinePictures(report, pictures as string, options);
  });
}

async function examinePictures(report: Report, pictures: string, options: Options): Promise<number> {
  const { examine, openSource } = await import("../../index.js");
  const { machineLimits } = await import("../../public/plan.js");
  const { reportText, surveyPictures } = await import("../../public/data.js");
  const source = parseSource(pictures);
  const known = options.channels === undefined ? {} : { channels: options.channels };
  const survey = options.writeRecipe === undefined ? undefined : await surveyPictures(await openSource(source), known);
  const live = await report.live();
  const found = await examine(source, {
    processes: machineLimits().cores,
    ...(survey === undefined ? known : { channels: survey.channels }),
    onProgress: ({ done, total, bad }) => live.update(done / total, `${done}/${total} pictures, ${bad} bad`),
  });
  live.stop();
  if (survey !== undefined) await writeRecipe(options.writeRecipe as string, source, survey, found);
  report.result(found, () => {
    report.line(reportText(found));
    if (survey !== undefined) report.line(`\nRecipe: ${options.writeRecipe} (lacuna pretrain ${options.writeRecipe})`);
  });
  return codes[found.status];
}

/** What `pretrain` would choose, with mean and deviation of all pictures instead of a few. */
async function writeRecipe(
  file: string,
  source: SourceInput,
  survey: PictureSurvey,
  { statistics, pictures, usable }: DoctorReport,
): Promise<void> {
  const { chooseDefaults, machineFacts } = await import("../../public/plan.js");
  const { writeAtomic } = await import("../../public/formats.js");
  const round = (values: readonly number[]): number[] => values.map((value) => Number(value.toFixed(4)));
  const measured = statistics && {
    mean: round(statistics.mean),
    std: round(statistics.deviation.map((value) => (value < 0.01 ? 1 : value))), // all but uniform: not to be divided by
    pictures: usable,
  };
  const { config } = chooseDefaults(source, { ...survey, statistics: measured }, machineFacts());
  writeAtomic(file, recipeText(config, { file, source: sourceName(source), pictures, measured: usable }));
}

async function examineMachine(report: Report): Promise<number> {
  const { cacheFolder } = await import("../../public/data.js");
  const { cpuHasBfloat16 } = await import("../../public/tensor.js");
  const { lacunaVersion } = await import("../../public/train.js");
  const { machineLimits } = await import("../../public/plan.js");
  const { cores, memoryBytes } = machineLimits();
  const engine = await examineEngine();
  const cache = { folder: cacheFolder(), entries: cacheEntries(cacheFolder()) };
  const machine = { cpu: cpus()[0]?.model ?? "unknown", cores, memoryBytes, bfloat16: cpuHasBfloat16() };
  const versions = { lacuna: lacunaVersion(), node: process.versions.node };
  report.result({ machine, versions, engine, cache }, () => {
    report.table([
      ["machine", `${machine.cpu}`],
      ["cores", `${cores} (limits of the control groups count)`],
      ["memory", bytes(memoryBytes)],
      ["bfloat16", machine.bfloat16 ? "in hardware" : "not in this CPU's hardware: float32 is used"],
      ["lacuna", versions.lacuna],
      ["node", versions.node],
      ...("error" in engine
        ? [["libtorch", `cannot be used: ${engine.error}`]]
        : [
            ["libtorch", `${engine.version} in ${engine.folder ?? "an unknown folder"}`],
            ["device", engine.cuda ? "cuda" : "cpu (no GPU that libtorch can use)"],
            ["precision", engine.precision],
          ]),
      ["cache", cache.folder],
      ...cache.entries.map(({ name, size }) => ["", `${name}  ${bytes(size)}`]),
    ]);
  });
  return "error" in engine ? 1 : 0;
}

interface Engine {
  readonly version: string;
  readonly folder: string | undefined;
  readonly cuda: boolean;
  readonly precision: string;
}

async function examineEngine(): Promise<Engine | { readonly error: string }> {
  const { libtorchVersion } = await import("../../public/tensor.js");
  const { machineFacts } = await import("../../public/plan.js");
  try {
    const version = libtorchVersion();
    const { device, bfloat16 } = machineFacts();
    return { version, folder: libtorchFolder(), cuda: device === "cuda", precision: bfloat16 ? "bfloat16" : "float32" };
  } catch (error) {
    return { error: errorText(error) };
  }
}

/** Which libtorch this process has loaded: the system knows it better than any note. */
function libtorchFolder(): string | undefined {
  const line = readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .find((text) => /libtorch_cpu\.so/.test(text));
  const path = line?.slice(line.indexOf("/"));
  return path === undefined ? undefined : dirname(dirname(path));
}

function cacheEntries(folder: string): { name: string; size: number }[] {
  try {
    return readdirSync(folder).map((name) => ({ name, size: sizeOf(join(folder, name)) }));
  } catch {
    return []; // nothing was cached yet
  }
}

function sizeOf(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return stat?.size ?? 0;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}
