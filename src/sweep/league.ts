/**
 * The sweep in which only the method differs: the same pictures, the same encoder, the same multiply-adds of training. What else a
 * method needs (augmentation, optimiser, batch, rate) is what it advises itself.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { checked } from "../checked.js";
import { type PictureSurvey, surveyPictures } from "../data/doctor/survey.js";
import { openSource, type Source, type SourceInput, sourceSchema } from "../data/source.js";
import { ConfigError } from "../errors.js";
import { withSettings } from "../keys.js";
import { methods } from "../methods/index.js";
import { buildEncoder, models } from "../models/index.js";
import { onDevice } from "../nn/parameter.js";
import { costOf } from "../plan/cost.js";
import { chooseDefaults, type Defaults } from "../plan/defaults/choose.js";
import { machineFacts } from "../plan/defaults/machine.js";
import { forecast } from "../plan/forecast.js";
import { makeFolder, writeAtomic } from "../runs/write-atomic.js";
import { differences } from "../train/checkpoint.js";
import { parseConfig, type RunConfig, type RunConfigInput } from "../train/config.js";
import type { SweepInput } from "./define.js";
import { leagueFileName, refuseForeign } from "./folder.js";

const positive = z.int().positive();
const settings = z.record(z.string(), z.unknown());

/** Schema of a league: pictures with classes, the methods and encoders that meet, and how long each is trained. */
export const leagueSchema = z
  .strictObject({
    title: z.string().min(1),
    train: sourceSchema.describe("pictures to learn from, in classes: most methods do not look at them, the judges do"),
    test: sourceSchema.describe("labelled pictures to judge by"),
    methods: z.array(z.string()).min(1).optional().describe("by name; all that there are if absent"),
    models: z
      .record(z.string(), settings)
      .optional()
      .describe(
        "encoders by name, each with its sizes, a ViT if absent; a method that takes none of them is trained with its usual one",
      ),
    settings: z
      .record(z.string(), settings)
      .default({})
      .describe("by method: dotted keys that differ from what the method advises"),
    imageSize: positive.optional().describe("side of the pictures in training; chosen for the first method if absent"),
    multiplyAdds: z
      .number()
      .positive()
      .optional()
      .describe("of each run's training, forward and backward; what `minutes` give on this machine if absent"),
    minutes: z.number().positive().default(8).describe("of training of the first method on this machine"),
    seeds: z.array(z.int().nonnegative()).min(1).default([0, 1]),
    labelsPerClass: positive
      .optional()
      .describe("fine-tune each encoder with so many labelled pictures of each class; not fine-tuned if absent"),
  })
  .describe("a league");

/** A league with every default filled in; `LeagueInput` is how it may be written. */
export type League = z.output<typeof leagueSchema>;
/** A league as a file exports it. */
export type LeagueInput = Omit<z.input<typeof leagueSchema>, "train" | "test"> & {
  readonly train: SourceInput;
  readonly test: SourceInput;
};

/** For league files: checks keys and values where they are written. */
export function defineLeague(league: LeagueInput): LeagueInput {
  return league;
}

/** One run of a league before its length is known. */
interface Entry {
  readonly name: string;
  readonly method: string;
  readonly model: string;
  readonly modelSettings: Readonly<Record<string, unknown>>;
}

/**
 * The sweep that a league is: one named point for each method and encoder that go together, each with as many steps as the same number
 * of multiply-adds allows.
 * @throws ConfigError for names that are in no list, for pictures without classes, and where no method goes with any encoder
 */
export async function leagueSweep(input: LeagueInput): Promise<SweepInput> {
  const league = checked(leagueSchema, input);
  const source = await openSource(league.train);
  refuseUnlabelled(source, ("path" in league.train ? league.train.path : undefined) ?? league.train.kind);
  const survey = await surveyPictures(source, {});
  const chooser = new Chooser(league, survey);
  const entries = chooser.entries();
  const first = chooser.configOf(entries[0] as Entry, 1);
  const multiplyAdds = league.multiplyAdds ?? budgetOf(parseConfig(first), league.minutes);
  const points = entries.map(
    (entry) => [entry.name, pointOf(chooser.within(entry, multiplyAdds, source.size))] as const,
  );
  const { data, device, log } = first;
  return {
    title: league.title,
    base: { device, log, data } as RunConfigInput,
    points: Object.fromEntries(points),
    axes: { seed: league.seeds },
    evaluate: { train: input.train, test: input.test, ...finetuning(league, source) },
    order: "linear",
  };
}

/**
 * The sweep of a league that runs in a folder: made at the first call and noted there, so that the same call goes on with the same
 * runs, on a faster machine too. @throws ConfigError "changed-league" where another one runs there; what `leagueSweep` throws
 */
export async function leagueIn(folder: string, input: LeagueInput): Promise<SweepInput> {
  const file = join(folder, leagueFileName);
  const league = JSON.parse(JSON.stringify(checked(leagueSchema, input))) as Record<string, unknown>;
  if (existsSync(file)) {
    const noted = notedSchema.parse(JSON.parse(readFileSync(file, "utf8")));
    const changed = differences(noted.league, league);
    if (changed.length === 0) return noted.sweep as unknown as SweepInput;
    throw new ConfigError({
      problem: `another league runs in ${folder} (${changed.slice(0, 5).join("; ")}).`,
      code: "changed-league",
      path: folder,
      expected: noted.league,
      actual: league,
      remedy: "Undo the change, or choose another --out.",
    });
  }
  const sweep = await leagueSweep(input);
  refuseForeign(folder);
  makeFolder(folder);
  writeAtomic(file, `${JSON.stringify({ formatVersion: 1, league, sweep }, null, 2)}\n`);
  return sweep;
}

const notedSchema = z.object({
  formatVersion: z.literal(1),
  league: z.record(z.string(), z.unknown()),
  sweep: z.record(z.string(), z.unknown()),
});

/** The published recipe, in batches that leave eight steps an epoch. */
function finetuning({ labelsPerClass }: League, { classes = [] }: Source): Pick<SweepInput["evaluate"], "finetune"> {
  if (labelsPerClass === undefined) return {};
  const batchSize = 2 ** Math.max(1, Math.min(8, Math.floor(Math.log2((labelsPerClass * classes.length) / 8))));
  return { finetune: { data: { batchSize, labels: { perClass: labelsPerClass } } } };
}

/** What differs from method to method. */
function pointOf({ method, model, optim, epochs, checkpointing, data }: RunConfigInput): Record<string, unknown> {
  return {
    method,
    model,
    optim,
    epochs,
    "data.batchSize": data.batchSize,
    ...(checkpointing === undefined ? {} : { checkpointing }),
  };
}

/** Multiply-adds that some minutes of training take here, by what a step of this run does and is predicted to take. */
function budgetOf(config: RunConfig, minutes: number): number {
  return (60 * minutes * costOf(config).step * config.data.batchSize) / forecast(config).stepSeconds;
}

/** Chooses each run's configuration as for a run of its own, with pictures and encoder held fast. */
class Chooser {
  readonly #machine = machineFacts();
  /** Of the first entry: what all have. */
  #imageSize: number | undefined;
  readonly #models = new Map<string, Readonly<Record<string, unknown>>>();

  constructor(
    private readonly league: League,
    private readonly survey: PictureSurvey,
  ) {
    this.#imageSize = league.imageSize;
    for (const [name, sizes] of Object.entries(league.models ?? {}))
      if (Object.keys(sizes).length > 0) this.#models.set(name, sizes);
  }

  /** Every method with every encoder that it accepts, in the order of the lists. */
  entries(): Entry[] {
    const { methods: wanted = methods.names() } = this.league;
    const found = wanted.flatMap((method) => {
      const { usualModel } = methods.get(method);
      const given = this.league.models;
      const offered = given === undefined ? [models.names()[0] as string] : Object.keys(given);
      const accepted = offered.filter((model) => this.#accepts(method, model));
      const usual = usualModel !== undefined && accepted.length === 0 ? [usualModel] : [];
      return [...accepted, ...usual].map((model): Entry => {
        const name = model === models.names()[0] ? method : `${method}-${model}`;
        return { name, method, model, modelSettings: this.#sizesOf(method, model) };
      });
    });
    if (found.length > 0) return found;
    throw new ConfigError({
      problem: `none of ${wanted.join(", ")} can train ${Object.keys(this.league.models ?? {}).join(" or ")}.`,
      code: "league",
      path: "models",
      expected: "an encoder that one of the methods accepts",
      actual: Object.keys(this.league.models ?? {}),
      remedy:
        "Leave models out: each method is then trained with a ViT, or the encoder that it is usually trained with.",
    });
  }

  /** The run of an entry that takes so many multiply-adds. */
  within(entry: Entry, multiplyAdds: number, pictures: number): RunConfigInput {
    const once = parseConfig(this.configOf(entry, 1));
    const { batchSize } = once.data;
    const step = costOf(once).step * batchSize;
    if (multiplyAdds < step) throw tooShort(entry.name, multiplyAdds, step);
    const steps = Math.round(multiplyAdds / step);
    return this.configOf(entry, steps / Math.max(1, Math.floor(pictures / batchSize)));
  }

  configOf(entry: Entry, epochs: number): RunConfigInput {
    const { league } = this;
    const { method, modelSettings } = entry;
    const { config } = this.#chosen(entry, epochs);
    const { heldOut: _, ...data } = config.data;
    const fixed = { model: { ...config.model, ...modelSettings }, data: { ...data, source: league.train } };
    const fair = { ...config, ...fixed } as unknown as Record<string, unknown>;
    const own = Object.entries(league.settings[method] ?? {}).map(([path, value]) => ({ path, value }));
    return withSettings(fair, own) as unknown as RunConfigInput;
  }

  /** What suits pictures, machine and method; the first choice settles the size of the pictures. */
  #chosen({ method, model, modelSettings }: Entry, epochs: number): Defaults {
    const { league, survey } = this;
    const imageSize = this.#imageSize === undefined ? {} : { imageSize: this.#imageSize };
    const decided = { method, model, modelSettings, epochs, minutes: league.minutes, ...imageSize };
    const chosen = chooseDefaults(league.train as SourceInput, survey, this.#machine, decided);
    this.#imageSize ??= chosen.config.data.imageSize as number;
    return chosen;
  }

  /** The first method that is trained with an encoder settles its sizes, and not what it advises besides. */
  #sizesOf(method: string, model: string): Readonly<Record<string, unknown>> {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const { sizes } = this.#chosen({ name: "", method, model, modelSettings: {} }, 1);
    this.#models.set(model, sizes);
    return sizes;
  }

  #accepts(method: string, model: string): boolean {
    const modelSettings = this.#models.get(model) ?? {};
    const chosen = this.configOf({ name: "", method, model, modelSettings }, 1);
    const { imageSize, channels } = chosen.data as { imageSize: number; channels: number };
    return onDevice("meta", () => {
      const image = { imageSize: [imageSize, imageSize], channels } as const;
      using encoder = buildEncoder(models.get(model).config.parse(chosen.model), image);
      return methods.get(method).encoders.is(encoder);
    });
  }
}

function tooShort(name: string, multiplyAdds: number, step: number): ConfigError {
  return new ConfigError({
    problem: `${multiplyAdds.toPrecision(2)} multiply-adds are less than a step of ${name}, which takes ${step.toPrecision(3)}.`,
    code: "budget",
    path: "multiplyAdds",
    expected: "enough for one step of every method",
    actual: multiplyAdds,
    remedy: "Give more minutes or multiply-adds, smaller pictures, or leave the method out.",
  });
}

function refuseUnlabelled({ classes }: Source, name: string): void {
  if (classes !== undefined) return;
  throw new ConfigError({
    problem: `${name} has no classes, and methods are compared by how well their features tell classes apart.`,
    code: "unlabelled",
    path: "train",
    expected: "labelled pictures",
    actual: "pictures without labels",
    remedy: "Put the pictures of each class into a folder of its own.",
  });
}
