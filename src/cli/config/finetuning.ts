/** From what was typed to the configuration of a supervised run: recipe or checkpoint, options, flags; what is left is chosen. */
import { existsSync } from "node:fs";
import { basename, extname, resolve } from "node:path";
import type { FinetuneConfigInput } from "../../index.js";
import { type Setting, valueAt, withSettings } from "../../keys.js";
import type { ForeignHints } from "../../public/models.js";
import { UsageError } from "../errors.js";
import { type LabelledOptions, labelledSpecs } from "../measure/labelled.js";
import { onlyOperand, parseFlags } from "./flags.js";
import { hintSettings } from "./foreign.js";
import { type ConfigKey, configKeys, type JsonSchema } from "./keys.js";
import { checkLength, type MinutesOption } from "./minutes.js";
import { isRecipe, loadRecipe } from "./recipe.js";
import { refuseUnknown } from "./resolve.js";

export interface FinetuneOptions extends Omit<LabelledOptions, "limit">, MinutesOption, ForeignHints {
  readonly labelsPerClass?: number;
  readonly labelFraction?: number;
  readonly labelSeed?: number;
  readonly trainBlocks?: string;
}

export interface ResolvedFinetuning {
  /** For the run folder. */
  readonly name: string;
  readonly config: FinetuneConfigInput;
  /** What was chosen and why, a line each. */
  readonly choices: readonly string[];
}

type Plain = Record<string, unknown>;

/** The flat keys of the configuration's schema. */
export async function finetuneConfigKeys(): Promise<ConfigKey[]> {
  const [{ currentFinetuneConfig }, { z }] = await Promise.all([import("../../public/train.js"), import("zod")]);
  return configKeys(z.toJSONSchema(currentFinetuneConfig(), { io: "input" }) as JsonSchema);
}

const ownOptions =
  "data train test labels-per-class label-fraction label-seed train-blocks minutes out overwrite json help-config";

/** What was said of a supervised run, by the operand, the options and the flags of `finetune`. */
interface SaidFinetuning {
  /** For the run folder. */
  readonly name: string;
  readonly said: FinetuneConfigInput;
  /** What is judged, where that was chosen. */
  readonly sides: readonly string[];
}

/** @throws UsageError */
export async function saidFinetuning(tokens: readonly string[], options: FinetuneOptions): Promise<SaidFinetuning> {
  const keys = await finetuneConfigKeys();
  const { operands, settings } = parseFlags(tokens, keys, ownOptions.split(" "), "finetune");
  checkLength(options.minutes, settings);
  const expected = "one run folder, checkpoint or recipe, or the word scratch";
  const what = onlyOperand(operands, { expected, example: "lacuna finetune runs/mae --data photos" });
  const written: Plain = isRecipe(what) ? await loadRecipe(what) : startOf(what);
  if (settings.some(({ path }) => path === "from")) keepShape(written);
  const sides = await sideSettings(options);
  const said = withSettings(withSettings(withSettings(written, sides.settings), optionSettings(options)), settings);
  refuseUnknown(said, keys, "finetune");
  if (valueAt(said, "data.source") === undefined) throw noPictures();
  const name = isRecipe(what) ? basename(what, extname(what)) : `finetune-${basename(resolve(what))}`;
  return { name, said: said as unknown as FinetuneConfigInput, sides: sides.said };
}

/** The same with what is left open chosen. @throws UsageError, ConfigError, CheckpointError */
export async function resolveFinetuning(
  tokens: readonly string[],
  options: FinetuneOptions,
): Promise<ResolvedFinetuning> {
  const { name, said, sides } = await saidFinetuning(tokens, options);
  const { chooseFinetuning } = await import("../../public/plan.js");
  const { config, choices } = await chooseFinetuning(said);
  return { name, config, choices: [...sides, ...choices] };
}

/** A recipe's model is for runs from scratch: that of a checkpoint has the shape that it has. */
function keepShape(written: Plain): void {
  const { name, dropPath } = (written["model"] ?? {}) as Plain;
  const kept = Object.entries({ name, dropPath }).filter(([, value]) => value !== undefined);
  written["model"] = Object.fromEntries(kept);
}

function startOf(what: string): Plain {
  if (what === "scratch") return {};
  if (existsSync(what)) return { from: resolve(what) };
  throw new UsageError({
    code: "from",
    path: what,
    expected: "a run folder, a checkpoint file, a recipe, or the word scratch",
    actual: "nothing of that name",
    remedy: "Check the path.",
  });
}

/** What is learned from and what is judged, as settings and in words. */
async function sideSettings(options: FinetuneOptions): Promise<{ settings: Setting[]; said: string[] }> {
  const { data, train, test } = options;
  if (data === undefined && train === undefined && test === undefined) return { settings: [], said: [] };
  const sides = await labelledSpecs(options);
  const { validation } = sides;
  const settings = [
    { path: "data.source", value: sides.train },
    { path: "data.heldOut", value: validation ?? sides.test },
  ];
  const left = `; the test part is left for: lacuna evaluate classifier <run> --data ${data}`;
  const watched =
    validation !== undefined && "path" in validation ? `${validation.path} is judged${left}` : sides.split;
  return { settings, said: [`pictures: ${watched}`] };
}

function optionSettings(options: FinetuneOptions): Setting[] {
  const { labelsPerClass, labelFraction, labelSeed, trainBlocks, ...hints } = options;
  const settings: Setting[] = [];
  const set = (path: string, value: unknown): void => {
    if (value !== undefined) settings.push({ path, value });
  };
  set("data.labels.perClass", labelsPerClass);
  set("data.labels.fraction", labelFraction);
  set("data.labels.seed", labelSeed);
  if (trainBlocks !== undefined) set("trainBlocks", trainBlocks === "all" ? trainBlocks : Number(trainBlocks));
  return [...settings, ...hintSettings(hints, "fromHints")];
}

function noPictures(): UsageError {
  return new UsageError({
    code: "evaluation-data",
    path: "the command line",
    expected: "--data, or both --train and --test",
    actual: "neither",
    remedy: "For example: --data cifar10, or --data photos with a folder for each class.",
  });
}
