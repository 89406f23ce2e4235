/** A length by the clock: for how many steps a budget of minutes has room. Settled once, before the first of them. */
import type { Loader } from "../../data/loader.js";
import type { Source } from "../../data/source.js";
import { ConfigError } from "../../errors.js";
import { derive, withEpochs } from "../config.js";
import type { Trainer } from "../trainer.js";
import { HeldOut } from "../watch/held-out.js";
import { openProbes, type Probe, type Probes } from "./probes.js";
import type { LoopConfig } from "./task.js";

/** What a budget became. */
export interface Budget {
  readonly minutes: number;
  readonly steps: number;
  /** Of a step as it was measured, waiting for pictures included. */
  readonly stepSeconds: number;
  /** Steps that were timed. */
  readonly timed: number;
}

/** Share of a budget that is left for checkpoints, pictures and whatever takes a little longer. */
export const budgetReserve = 0.02;

/** Steps before those that are timed: threads start, and kernels are set up. */
const untimed = 2;

export interface BudgetSetting {
  readonly config: LoopConfig;
  readonly source: Source;
  readonly probes: Probes;
  /** When the clock began to run, by `performance.now()`. */
  readonly began: number;
  /** A copy of what the run trains, to be thrown away. */
  build(): Trainer;
  openLoader(trainer: Trainer): Loader;
  /** As `TaskSpec.complete`. */
  readonly complete?: ((heldOut: Source) => Source) | undefined;
}

/**
 * Trains a copy of the run for a few seconds and works out how many steps fit between its held-out losses and probes. The run itself is
 * that of the same number of epochs, to the bit: what it draws is keyed, and knows nothing of the copy.
 *
 * @throws ConfigError where the budget is over before the first step
 */
export async function settleBudget(minutes: number, setting: BudgetSetting): Promise<Budget> {
  const { config, source, began } = setting;
  const { stepsPerEpoch } = derive(config, source.size);
  const end = began + 60_000 * minutes * (1 - budgetReserve);
  const opened = performance.now();
  const trainer = setting.build();
  try {
    const { stepSeconds, timed, setUpSeconds } = await paceOf(trainer, setting, opened, minutes);
    const left = (): number => (end - performance.now()) / 1000 - setUpSeconds; // setting up comes once more
    const guess = withEpochs(config, Math.max(1, left() / stepSeconds) / stepsPerEpoch);
    const pauses = await pausesOf(trainer, { ...setting, config: guess }, stepsPerEpoch);
    const steps = stepsWithin(left(), stepSeconds, pauses);
    if (steps < 1) throw tooShort(minutes, { setUpSeconds, stepSeconds, pauses });
    return { minutes, steps, stepSeconds, timed };
  } finally {
    trainer.close();
  }
}

interface Pace {
  readonly stepSeconds: number;
  readonly timed: number;
  /** From `opened` on, until steps went at their pace. */
  readonly setUpSeconds: number;
}

/** Steps on the run's own pictures: for a twentieth of the budget, at least one second and one step, at most fifteen seconds. */
async function paceOf(
  trainer: Trainer,
  { openLoader }: Pick<BudgetSetting, "openLoader">,
  opened: number,
  minutes: number,
): Promise<Pace> {
  const enough = Math.min(15_000, Math.max(1000, (60_000 * minutes) / 20));
  await trainer.begin(() => openLoader(trainer));
  await using loader = openLoader(trainer);
  let [count, first, started] = [0, 0, 0];
  for await (const { epoch, samples, labels, captions, views } of loader.batches({ epoch: 0, batch: 0 })) {
    trainer.step({ epoch, samples: Array.from(samples), labels, captions, views }, count++);
    const now = performance.now();
    if (started === 0) {
      if (count === untimed || now - opened > enough) [first, started] = [count, now];
    } else if (now - started >= enough) break;
  }
  const timed = count - first;
  return {
    stepSeconds: (performance.now() - started) / 1000 / timed,
    timed,
    setUpSeconds: (started - opened) / 1000,
  };
}

/** What interrupts the steps of a run. */
interface Pause {
  readonly seconds: number;
  /** Steps between two of them; there is one more at the end. */
  readonly every: number;
  readonly atStart: boolean;
}

/** The held-out loss and the probes, each once. */
async function pausesOf(
  trainer: Trainer,
  { config, source, probes, complete }: Pick<BudgetSetting, "config" | "source" | "probes" | "complete">,
  stepsPerEpoch: number,
): Promise<Pause[]> {
  const pause = (everyEpochs: number, seconds: number, atStart = false): Pause => ({
    every: Math.max(1, Math.round(everyEpochs * stepsPerEpoch)),
    seconds,
    atStart,
  });
  const heldOut = await HeldOut.open(config, trainer.validationViews, complete);
  const pauses: Pause[] = [];
  if (heldOut !== undefined)
    pauses.push(pause(config.log.heldOutEpochs, await secondsOf(() => heldOut.measure(trainer))));
  const setting = { config, source, precision: trainer.precision, heldOut: heldOut?.source };
  for (const probe of await openProbes(probes, setting))
    pauses.push(
      pause(
        probe.everyEpochs ?? Number.POSITIVE_INFINITY,
        await secondsOf(() => runOnce(probe, trainer)),
        probe.atStart,
      ),
    );
  return pauses;
}

async function runOnce(probe: Probe, { method }: Trainer): Promise<void> {
  for await (const _ of probe.run(method, { step: 0 }));
}

async function secondsOf(body: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await body();
  return (performance.now() - began) / 1000;
}

/** The most steps that end, with what interrupts them, within these seconds. */
export function stepsWithin(seconds: number, stepSeconds: number, pauses: readonly Pause[]): number {
  const needed = (steps: number): number =>
    pauses.reduce(
      (sum, { seconds: each, every, atStart }) => sum + each * (Math.ceil(steps / every) + (atStart ? 1 : 0)),
      steps * stepSeconds,
    );
  let [fits, fitsNot] = [0, Math.floor(Math.max(0, seconds) / stepSeconds) + 1];
  while (fitsNot - fits > 1) {
    const middle = Math.floor((fits + fitsNot) / 2);
    if (needed(middle) <= seconds) fits = middle;
    else fitsNot = middle;
  }
  return fits;
}

interface Parts {
  readonly setUpSeconds: number;
  readonly stepSeconds: number;
  readonly pauses: readonly Pause[];
}

/** What the error of a budget without room for a step says: each part that takes time, always the longest. */
export function tooShort(minutes: number, { setUpSeconds, stepSeconds, pauses }: Parts): ConfigError {
  const probes = pauses.reduce((sum, { seconds, atStart }) => sum + (atStart ? 2 : 1) * seconds, 0);
  const parts = { "setting up": setUpSeconds, "a step": stepSeconds, "held-out loss and probes": probes };
  const longest = Math.max(...Object.values(parts));
  const named = Object.entries(parts).filter(([, seconds]) => seconds > 0 || seconds === longest);
  const sentence = named.map(([name, seconds]) => `${name} ${brief(seconds)}`).join(", ");
  return new ConfigError({
    problem: `${minutes} minutes are over before the first step. Here a run takes at least: ${sentence}.`,
    code: "budget",
    path: "minutes",
    expected: "time for a step and what is measured around it",
    actual: minutes,
    remedy: "Give it more minutes, or a length in epochs; --log.probe.everyEpochs=0 leaves probes out.",
  });
}

/** Two digits below a second, tenths above. */
const brief = (seconds: number): string =>
  seconds < 1 ? `${Number((1000 * seconds).toPrecision(2))} ms` : `${seconds.toFixed(1)} s`;
