/** Partial fine-tuning: more and more last blocks are trained, each number of them a run, and the curve (MAE, figure 9). */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { ConfigError } from "../../errors.js";
import type { FinetuneConfig, FinetuneConfigInput } from "../../finetune/config.js";
import { resolveFinetune } from "../../finetune/finetune.js";
import { finetuneOnce } from "../../finetune/once.js";
import type { AnyConfig } from "../../finetune/resume.js";
import { chooseFinetuning } from "../../plan/defaults/finetuning.js";
import { pngOf } from "../../runs/drawing.js";
import { openRun } from "../../runs/reader.js";
import { heldOutAccuracy } from "../../runs/summary.js";
import { makeFolder, writeAtomic } from "../../runs/write-atomic.js";
import type { Run } from "../../train/loop/loop.js";
import { layersOf, type PartialBlocks, usualBlocks } from "./blocks.js";
import { drawBlocks } from "./curve.js";
import { bestRows, type PartialPoint, type PartialRow, rowOf } from "./rows.js";

/** What happens to a point: its run is about to begin or go on, or its accuracy is known. */
export type PartialEvent =
  | {
      readonly type: "begin";
      readonly blocks: string;
      readonly folder: string;
      readonly config: FinetuneConfig;
      /** What was chosen for its pictures and why. */
      readonly choices: readonly string[];
      /** Whether there is no such run yet. */
      readonly isNew: boolean;
    }
  | { readonly type: "judged"; readonly point: PartialPoint; readonly isNew: boolean };

/** Where partial fine-tuning goes, and how much of it there is. */
export interface PartialOptions {
  /** The folder of runs and curve: a new one, or one to go on with. */
  readonly out: string;
  /** `usualBlocks` unless said. */
  readonly blocks?: readonly PartialBlocks[];
  /** Runs of each, with other seeds and other labels; 1 unless said. */
  readonly seeds?: number;
  /** As it was typed, for run.json. */
  readonly command?: string;
  /** Trains what is left of a run; the runs that follow begin if it is finished then. Iterates it to its end unless said. */
  readonly train?: (makeRun: (signal?: AbortSignal) => Run<AnyConfig>, folder: string) => Promise<void>;
  readonly onEvent?: (event: PartialEvent) => void;
}

/** What partial fine-tuning has come to. */
export interface PartialOutcome {
  /** False where a run was stopped: the same call goes on. */
  readonly isFinished: boolean;
  readonly rows: readonly PartialRow[];
  /** The curve as SVG and PNG, and the rows as JSON; none before the first point is judged. */
  readonly files: readonly string[];
}

/**
 * Trains the last k blocks with a classifier, for several k, and draws the curve. What is finished is not run again. What is said of
 * optimiser, augmentation and pooling is for half a block and more: 0 is always linear probing by the paper's table 10.
 * @param said the supervised run; `trainBlocks` is set for each point, and what it leaves open is chosen as by `chooseFinetuning`
 * @throws ConfigError "partial" without an encoder to begin with or pictures to judge by, before anything is trained; "changed-run"
 */
export async function runPartial(said: FinetuneConfigInput, options: PartialOptions): Promise<PartialOutcome> {
  checkPartial(said);
  const { out, seeds = 1, blocks: asked = usualBlocks(layersOf(said)) } = options;
  makeFolder(out);
  const points = new Map<PartialBlocks, PartialPoint[]>(asked.map((one) => [one, []]));
  let made: Omit<PartialOutcome, "isFinished"> = { rows: [], files: [] };
  for (let draw = 0; draw < Math.max(1, seeds); draw++) {
    for (const one of asked) {
      const point = await trainPoint(said, options, one, draw);
      if (point === undefined) return { isFinished: false, ...made };
      points.get(one)?.push(point);
      const rows = [...points.values()].flatMap(([first, ...rest]) =>
        first === undefined ? [] : [rowOf([first, ...rest])],
      );
      made = { rows, files: await write(out, said, rows) }; // after each, so that there is something to look at
    }
  }
  return { isFinished: true, ...made };
}

function checkPartial({ from, data }: FinetuneConfigInput): void {
  const refuse = (path: string, expected: string, remedy: string): ConfigError => {
    const problem = `expected ${expected}, got none.`;
    return new ConfigError({ problem, code: "partial", path, expected, actual: "none", remedy });
  };
  if (from === undefined) throw refuse("from", "a trained encoder", "Name its run folder or checkpoint.");
  if (data.heldOut === undefined) throw refuse("data.heldOut", "pictures to judge by", "Name labelled ones.");
}

/** Trains one point, or goes on with it, or reads what came of it; undefined where its run was stopped. */
async function trainPoint(
  said: FinetuneConfigInput,
  { out, seeds = 1, command, train = iterate, onEvent = () => undefined }: PartialOptions,
  { blocks, epochs }: PartialBlocks,
  draw: number,
): Promise<PartialPoint | undefined> {
  const chosen = await chooseFinetuning({ ...(blocks === 0 ? asProbe(said) : said), trainBlocks: blocks });
  const config = drawn(chosen.config, seeds, draw, epochs);
  const named = `blocks-${blocks}${epochs === undefined ? "" : `-epochs-${epochs}`}-seed-${config.seed}`;
  const folder = join(out, named);
  const isNew = !existsSync(join(folder, "run.json"));
  const { choices } = chosen;
  onEvent({ type: "begin", blocks: String(blocks), folder, config, choices, isNew });
  const makeRun = finetuneOnce(folder, config, command);
  if (makeRun !== undefined) await train(makeRun, folder);
  const { run, events } = openRun(folder);
  const accuracy = heldOutAccuracy(events);
  if (run.status !== "finished" || accuracy === undefined) return undefined;
  const point = { blocks: String(blocks), epochs: config.epochs, folder, accuracy };
  onEvent({ type: "judged", point, isNew });
  return point;
}

async function iterate(makeRun: () => Run<AnyConfig>): Promise<void> {
  await using run = makeRun();
  for await (const _ of run);
}

/** Linear probing without what decides how more than a classifier is trained. */
function asProbe(said: FinetuneConfigInput): FinetuneConfigInput {
  const { optim: _, augmentation: __, pool: ___, average: ____, ...rest } = said;
  return rest;
}

/** So often the accuracy is told while a point trains: only its last value counts. */
const looks = 4;

/** The whole configuration of one draw: other seeds, other labels. */
function drawn(said: FinetuneConfigInput, seeds: number, draw: number, epochs: number | undefined): FinetuneConfig {
  const { labels } = said.data;
  const of = seeds > 1 && labels !== undefined ? { labels: { ...labels, seed: (labels.seed ?? 0) + draw } } : {};
  const config = resolveFinetune({
    ...said,
    seed: (said.seed ?? 0) + draw,
    data: { ...said.data, ...of },
    ...(epochs === undefined ? {} : { epochs }),
  });
  const isSaid = said.log?.heldOutEpochs !== undefined;
  return isSaid ? config : { ...config, log: { ...config.log, heldOutEpochs: Math.max(1, config.epochs / looks) } };
}

async function write(out: string, said: FinetuneConfigInput, rows: readonly PartialRow[]): Promise<string[]> {
  const { from, data } = resolveFinetune(said);
  const { perClass, fraction = 1 } = data.labels ?? {};
  const labels =
    perClass !== undefined ? `${perClass} labels a class` : `${Math.round(100 * fraction)} % of the labels`;
  const svg = await drawBlocks(bestRows(rows), `${basename(from as string)}, ${labels}`);
  const files: [string, string | Uint8Array][] = [
    ["partial.svg", svg],
    ["partial.png", await pngOf(svg)],
    ["partial.json", `${JSON.stringify({ from, labels: data.labels, rows }, null, 1)}\n`],
  ];
  for (const [name, content] of files) writeAtomic(join(out, name), content);
  return files.map(([name]) => join(out, name));
}
