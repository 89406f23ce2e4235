import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Verdict, type VerdictStatus, verdict } from "../../src/inspect/verdict.js";
import type { RunEvent, StepEvent } from "../../src/runs/schema.js";

interface Curve {
  seed: number;
  loss: [number, number][];
}
const reference = new URL("../reference/cifar10-mae-curve.json", import.meta.url);
const curves = (JSON.parse(readFileSync(reference, "utf8")) as { runs: Curve[] }).runs;
const run = { derived: { baseline: 47 / 48, warmupSteps: 58, steps: 585 } };
const unstated = { derived: {} };

/** Noise that is the same in every run of the test, between -1 and 1. */
function noise(index: number, seed: number): number {
  const x = Math.sin(index * 12.9898 + seed * 78.233) * 43758.5453;
  return 2 * (x - Math.floor(x)) - 1;
}

function rate(step: number): number {
  return step < 58 ? (6e-4 * step) / 58 : 3e-4 * (1 + Math.cos((Math.PI * (step - 58)) / (585 - 58)));
}

function event(step: number, loss: number, change: Partial<StepEvent> = {}): StepEvent {
  const plain = { epoch: step / 195, learningRate: rate(step), gradNorm: 0.4, samples: 256 * step };
  return { type: "step", step, loss, ...plain, seconds: 0.5, waitSeconds: 0.02, ...change };
}

/** A step for every step: between the means of the reference on straight lines, before them the fall of a fresh model, with noise. */
function healthy({ seed, loss }: Curve, spread: number): StepEvent[] {
  return Array.from({ length: 575 }, (_, i) => {
    const step = i + 1;
    const place = Math.max(0, Math.min(loss.length - 1.001, (step - 12.5) / 25));
    const [, before] = loss[Math.floor(place)] as [number, number];
    const [, after] = loss[Math.floor(place) + 1] as [number, number];
    const fresh = Math.max(0, 13 - step) * 0.15;
    const value = before + (place % 1) * (after - before) + fresh;
    return event(step, value * (1 + spread * noise(step, seed)));
  });
}

/** The same run with its losses changed. */
function sick(change: (loss: number, step: number) => number, spread = 0.03): StepEvent[] {
  return healthy(curves[0] as Curve, spread).map((step) => ({ ...step, loss: change(step.loss, step.step) }));
}

function statusOf(events: readonly RunEvent[], of: Parameters<typeof verdict>[1] = run): VerdictStatus {
  return verdict(events, of).status;
}

/** How often each status came over all beginnings of a run. */
function overPrefixes(
  events: readonly RunEvent[],
  of = run as Parameters<typeof verdict>[1],
): Map<VerdictStatus, number> {
  const counts = new Map<VerdictStatus, number>();
  for (let length = 0; length <= events.length; length++) {
    const status = statusOf(events.slice(0, length), of);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return counts;
}

describe("healthy runs of the reference", () => {
  test.each(curves)("seed $seed, its 25-step means as they are", ({ loss }) => {
    const events = loss.map(([step, value]) => event(step, value, { seconds: 12, waitSeconds: 0.5 }));
    const result = verdict(events, run);
    expect(result).toMatchObject({ status: "normal", causes: [] });
    expect(result.headline).toMatch(
      /^The run looks normal: the loss fell from 1\.\d+ to 0\.6\d+, below the 0\.979 of predicting/,
    );
    expect([...overPrefixes(events).keys()].sort()).toEqual(["normal", "too-early"]);
    expect(statusOf(events, unstated)).toBe("normal");
    expect([...overPrefixes(events, unstated).keys()].sort()).toEqual(["normal", "too-early"]);
  });

  test.each(curves.flatMap((curve) => [0.01, 0.05, 0.15].map((spread) => ({ ...curve, spread }))))(
    "seed $seed, each step, noise of $spread: normal at the end and nothing bad at any moment",
    ({ spread, ...curve }) => {
      const events = healthy(curve, spread);
      const counts = overPrefixes(events);
      expect([...counts.keys()].sort()).toEqual(["normal", "too-early"]);
      expect(counts.get("normal")).toBeGreaterThan(400);
      expect(statusOf(events)).toBe("normal");
      expect(statusOf(events, unstated)).toBe("normal");
    },
  );

  test("a single spike, and one that lasts a while and comes back, are no illness", () => {
    expect(statusOf(sick((loss, step) => (step === 300 ? 50 : loss)))).toBe("normal");
    expect(statusOf(sick((loss, step) => (step >= 300 && step < 320 ? 2 : loss)))).toBe("normal");
  });

  test("losses below zero and losses of any scale", () => {
    expect(
      statusOf(
        sick((loss) => loss - 2),
        unstated,
      ),
    ).toBe("normal");
    for (const scale of [1e-4, 1e4]) {
      const scaled = { derived: { ...run.derived, baseline: (scale * 47) / 48 } };
      expect(
        statusOf(
          sick((loss) => scale * loss),
          scaled,
        ),
      ).toBe("normal");
    }
  });
});

describe("diverged", () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY])("a loss of %s, from its step on", (value) => {
    const events = sick((loss, step) => (step >= 200 ? value : loss));
    const result = verdict(events, run);
    expect(result.headline).toBe("The run diverged: at step 200 the loss was no longer a number.");
    expect(result.evidence).toMatchObject({ nonFiniteStep: 200, steps: 575 });
    expect(statusOf(events.slice(0, 199))).toBe("normal");
    expect(statusOf(events.slice(0, 200))).toBe("diverged");
    expect(statusOf(sick((loss, step) => (step === 3 ? value : loss)).slice(0, 5))).toBe("diverged");
  });

  test("the trainer's warning alone is enough", () => {
    const warning: RunEvent = { type: "warning", step: 150, code: "non-finite", message: "blocks.3" };
    expect(statusOf([...sick((loss) => loss).slice(0, 150), warning])).toBe("diverged");
  });

  test.each([
    ["back to the mean", (): number => 0.985],
    ["far away", (): number => 40],
    ["by a third", (loss: number): number => loss * 1.33],
    ["ever further", (_: number, step: number): number => 0.7 * 1.01 ** (step - 300)],
  ])("a loss that rises %s and stays", (_, after) => {
    const events = sick((loss, step) => (step > 300 ? after(loss, step) * (1 + 0.02 * noise(step, 9)) : loss));
    const result = verdict(events, run);
    expect(result.status).toBe("diverged");
    expect(result.headline).toMatch(
      /^The run diverged: the loss rose from 0\.\d+ to [\d.]+ near step \d+ and stays there\.$/,
    );
    expect(Math.abs((result.evidence["roseAtStep"] as number) - 320)).toBeLessThan(60);
    expect(statusOf(events.slice(0, 300))).toBe("normal");
    expect(statusOf(events, unstated)).toBe("diverged");
  });

  test("gradients that grew before it come first among the causes, and the rate is named", () => {
    const quiet = sick((loss, step) => (step >= 200 ? Number.NaN : loss));
    const loud = quiet.map((step) => (step.step > 190 ? { ...step, gradNorm: 40 } : step));
    expect(verdict(loud, run).causes[0]).toBe(
      "Gradients grew to 100 times their usual size just before: clip them, e.g. at 0.8.",
    );
    expect(verdict(loud, run).evidence).toMatchObject({ gradNormUsual: 0.4, gradNormPeak: 40 });
    expect(verdict(quiet, run).causes[0]).toMatch(/^The learning rate \(5\.\de-4 at that step\) may be too high/);
  });
});

describe("predicts the mean", () => {
  const flat = sick((loss, step) => Math.max(loss, 0.98 * (1 + 0.01 * noise(step, 4))));

  test("a loss that stays at the level of the mean", () => {
    const result = verdict(flat, run);
    expect(result.status).toBe("predict-the-mean");
    expect(result.headline).toMatch(
      /^The run does no better than predicting the mean, whose loss is 0\.979: its own is 0\.9\d+\.$/,
    );
    expect(result.evidence).toMatchObject({ baseline: 47 / 48 });
    expect(result.causes.length).toBeGreaterThan(1);
  });

  test("is not said before the warm-up is over for a while, nor of a loss on its way down", () => {
    const long = { derived: { ...run.derived, warmupSteps: 500 } };
    expect(verdict(flat.slice(0, 300), long).headline).toBe(
      "It is too early to tell: the warm-up lasts until step 500.",
    );
    const slow = sick((_, step) => 4 - 0.005 * step);
    expect(verdict(slow, run).headline).toBe("It is too early to tell: the loss is still on its way down.");
    const end: RunEvent = { type: "end", step: 575, reason: "finished", seconds: 1 };
    expect(statusOf([...slow, end])).toBe("predict-the-mean");
    expect([...overPrefixes(flat).keys()].sort()).toEqual(["predict-the-mean", "too-early"]);
  });

  test("without a known level, a loss that does not fall", () => {
    const still = sick((_, step) => 6.2 * (1 + 0.01 * noise(step, 5)));
    const result = verdict(still, unstated);
    expect(result.headline).toMatch(/^The run does not learn: the loss is 6\.[12]\d* and began at 6\.[12]\d*\.$/);
    expect(result.status).toBe("not-learning");
  });
});

describe("collapsed", () => {
  const probes = (values: Record<string, number>): RunEvent[] =>
    Object.entries(values).map(([name, value]) => ({ type: "probe", step: 575, name, value }));
  const steps = sick((loss) => loss);

  test("features that are all one, or lie on one line", () => {
    expect(verdict([...steps, ...probes({ featureStd: 0.001 })], run)).toMatchObject({
      status: "collapsed",
      headline: "The features collapsed: all pictures have nearly the same features.",
      evidence: { featureStd: 0.001 },
    });
    expect(verdict([...steps, ...probes({ featureStd: 0.5, featureRank: 1.1 })], run).headline).toMatch(
      /all features lie on one line/,
    );
  });

  test("the last probe counts, and healthy or other ones say nothing", () => {
    expect(statusOf([...probes({ featureStd: 0 }), ...steps, ...probes({ featureStd: 0.6, featureRank: 40 })])).toBe(
      "normal",
    );
    expect(statusOf([...steps, ...probes({ knn: 0.001 })])).toBe("normal");
  });
});

test("a sawtooth is unstable, also while it is up", () => {
  const saw = sick((loss, step) => (step > 150 ? loss * (1 + 0.006 * (step % 70)) : loss), 0.02);
  const result = verdict(saw, run);
  expect(result.status).toBe("unstable");
  expect(result.evidence["jumps"]).toBeGreaterThanOrEqual(3);
  expect(result.headline).toMatch(/jumped up and came back \d times/);
  const battlements = sick((loss, step) => (step > 58 && (step - 58) % 110 >= 55 ? loss * 1.4 : loss), 0.02);
  expect(statusOf(battlements.slice(0, 498))).toBe("unstable"); // it came back three times and is up again
  expect(statusOf(sick((loss, step) => (step > 440 ? loss * 1.4 : loss)))).toBe("diverged");
});

test("a rise that is small beside the loss is not called a divergence", () => {
  const events = sick((loss, step) => 5 + 0.1 * loss + (step > 300 ? 0.3 : 0));
  expect(statusOf(events, unstated)).toBe("not-learning");
});

describe("bound by data", () => {
  const waiting = (share: (step: number) => number): StepEvent[] =>
    sick((loss) => loss).map((step) => ({ ...step, waitSeconds: share(step.step) * step.seconds }));

  test("more than a fifth of the time", () => {
    const result: Verdict = verdict(
      waiting(() => 0.35),
      run,
    );
    expect(result.status).toBe("data-bound");
    expect(result.headline).toBe("The run learns, but it spends 35 % of its time waiting for data.");
    expect(result.evidence["waitShare"]).toBeCloseTo(0.35, 10);
    expect(statusOf(waiting(() => 0.15))).toBe("normal");
  });

  test("what is advised fits the pictures", () => {
    const events = waiting(() => 0.35);
    const config = { data: { source: { kind: "folder" }, jpeg: "fast" } };
    const advice = (of: Parameters<typeof verdict>[1]): string => verdict(events, of).causes.join(" ");
    expect(advice({ ...run, config, hasJpegs: true })).toContain("--data.jpeg=scaled");
    expect(advice({ ...run, config })).toMatch(/lacuna data pack\)\./);
    expect(advice({ ...run, config: { data: { source: { kind: "cifar10" } } } })).not.toContain("data pack");
  });

  test("not for the workers' start, and not instead of something worse", () => {
    expect(statusOf(waiting((step) => (step < 50 ? 1 : 0.02)))).toBe("normal");
    const ill = waiting(() => 0.9).map((step) => (step.step > 300 ? { ...step, loss: 3 } : step));
    expect(statusOf(ill)).toBe("diverged");
  });
});

test("too early is said with the count, and of nothing at all", () => {
  expect(verdict([], run)).toEqual({
    status: "too-early",
    headline: "It is too early to tell: 0 steps of the 100 that it takes.",
    causes: [],
    evidence: { steps: 0 },
  });
  expect(verdict(sick((loss) => loss).slice(0, 99), run).headline).toMatch(/99 steps of the 100/);
});
