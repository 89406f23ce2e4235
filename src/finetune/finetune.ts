import { resolve } from "node:path";
import { openSource, type Source } from "../data/source.js";
import { chooseLabelled } from "../data/sources/labelled.js";
import { subsetOf, withLabels } from "../data/sources/subset.js";
import { ConfigError } from "../errors.js";
import { judgingView, trainingView } from "../methods/supervised/augmentation.js";
import { differences } from "../train/checkpoint.js";
import { checkSameClasses } from "../train/columns.js";
import { type LoopOptions, Run } from "../train/loop/loop.js";
import { openNew, type RunOptions } from "../train/loop/session.js";
import type { TaskSpec } from "../train/loop/spec.js";
import { type FinetuneConfig, type FinetuneConfigInput, laidOver, parseFinetune } from "./config.js";
import { inheritedFrom, loadInitial } from "./initial.js";
import { Supervised, supervisedArchitecture } from "./supervised.js";

/** Learning from labels: fine-tuning, partial fine-tuning, linear probing, and training from scratch. */
export const finetuning: TaskSpec<FinetuneConfig> = {
  name: "finetune",
  parse: parseFinetune,
  openSource: openLabelledSource,
  settle,
  accept: (config, heldOut) => checkSameClasses(config.classes, heldOut),
  training(config) {
    const method = new Supervised(config);
    const { imageSize } = method.encoder;
    return {
      method,
      views: { image: trainingView(config.augmentation, imageSize) },
      validationViews: { image: judgingView(config.augmentation, imageSize) },
      columns: ["label"],
      architecture: supervisedArchitecture(method),
    };
  },
  load({ from, fromHints }, { method }) {
    if (from !== undefined) loadInitial((method as Supervised).model, from, fromHints);
  },
};

/** The pictures that have a label, or those of them that `data.labels` chooses. @throws ConfigError where there are none */
async function openLabelledSource({ data }: FinetuneConfig): Promise<Source> {
  const source = await openSource(data.source);
  const { labels, classes } = source;
  if (labels === undefined || classes === undefined || classes.length < 2) {
    throw new ConfigError({
      problem: "supervised training needs pictures of at least two classes.",
      code: "no-classes",
      path: "data.source",
      expected: "a folder for each class, or a list with labels",
      actual: classes,
      remedy: "Put the pictures of each class into a folder of its own.",
    });
  }
  if (data.labels !== undefined) return subsetOf(source, Array.from(chooseLabelled(labels, data.labels)));
  return withLabels(source);
}

/** A run.json says what was used: the warm-up that was chosen and the names of the classes stand in it. */
function settle(config: FinetuneConfig, source: Source): FinetuneConfig {
  const warmupEpochs = Math.min(config.optim.warmupEpochs ?? Math.min(5, config.epochs / 10), config.epochs);
  return { ...config, classes: [...(source.classes ?? [])], optim: { ...config.optim, warmupEpochs } };
}

/**
 * Describes a new supervised run; iterate the result. Model, size of the pictures and their normalisation are those of the
 * checkpoint that `from` names, unless said; what else nobody says is the published recipe (recipe.ts).
 * @throws ConfigError, CheckpointError at once; the rest when it begins
 */
export function finetune(input: FinetuneConfigInput, options: RunOptions & LoopOptions = {}): Run<FinetuneConfig> {
  const config = resolveFinetune(input);
  return new Run(() => openNew(finetuning, config, options), options);
}

/** The whole configuration: what was said, over what the checkpoint says, over the recipe. */
export function resolveFinetune(input: FinetuneConfigInput): FinetuneConfig {
  if (input.from === undefined) return parseFinetune(input);
  const from = resolve(input.from); // a run can be resumed from anywhere
  const inherited = inheritedFrom(from, input.fromHints) as unknown as Readonly<Record<string, unknown>>;
  return parseFinetune(laidOver(inherited, { ...input, from }));
}

/**
 * Keys in which a run's configuration, as its run.json has it, is not what is asked for now; what never changes the numbers
 * does not count. With any of them what is recorded is not the answer.
 */
export function changedSince(recorded: Readonly<Record<string, unknown>>, asked: FinetuneConfig): string[] {
  const { warmupEpochs } = asked.optim;
  const own = parseFinetune({ ...recorded, classes: undefined });
  const alike = asked.precision === "auto" ? own.precision : asked.precision; // a run says what auto has become
  const comparable = ({ log: _, classes: __, data: { workers: ___, ...data }, ...rest }: FinetuneConfig): unknown =>
    JSON.parse(JSON.stringify({ ...rest, data }));
  const filled = { ...asked, optim: { ...asked.optim, warmupEpochs: warmupEpochs ?? own.optim.warmupEpochs } };
  return differences(comparable(own), comparable({ ...filled, precision: alike } as FinetuneConfig));
}
