import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { liveTensors } from "../../../src/engine/scope.js";
import { finetune } from "../../../src/finetune/finetune.js";
import { resume } from "../../../src/finetune/resume.js";
import { warmupCosine } from "../../../src/optim/schedule.js";
import { openRun } from "../../../src/runs/reader.js";
import type { RunConfig } from "../../../src/train/config.js";
import { stepsWithin, tooShort } from "../../../src/train/loop/budget.js";
import type { Probe } from "../../../src/train/loop/probes.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { tickingClock } from "../../clock.js";
import { collect, finalState, tinyRun, trace, workFolder, writePictures } from "../example.js";

const work = workFolder("budget");
const photos = join(work.path, "photos");
/** Six seconds, of which a step takes less than a tenth by the clock that ticks. */
const minutes = 0.1;

beforeAll(async () => {
  await writePictures(join(photos, "a"), 12);
  await writePictures(join(photos, "b"), 12);
});
afterAll(work.remove);

const adamw = { name: "adamw", baseLearningRate: 0.05, warmupEpochs: 1 } as const; // as in tinyRun

test("as many steps as fit, with what interrupts them", () => {
  expect(stepsWithin(10, 1, [])).toBe(10);
  expect(stepsWithin(0.9, 1, [])).toBe(0);
  expect(stepsWithin(-3, 1, [])).toBe(0);
  const pause = { seconds: 1, every: 2, atStart: true };
  expect(stepsWithin(7, 1, [pause])).toBe(4); // one before, one after the second and one after the last step
  const positive = fc.double({ min: 0.01, max: 5, noNaN: true });
  const pauses = fc.array(
    fc.record({ seconds: positive, every: fc.integer({ min: 1, max: 50 }), atStart: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.double({ min: 0, max: 300, noNaN: true }), positive, pauses, (seconds, step, all) => {
      /** By walking through the run. */
      const lasting = (steps: number): number => {
        let sum = all.reduce((first, { seconds: each, atStart }) => first + (atStart ? each : 0), 0);
        for (let i = 1; i <= steps; i++) {
          sum += step;
          for (const { seconds: each, every } of all) if (i % every === 0 || i === steps) sum += each;
        }
        return sum;
      };
      const steps = stepsWithin(seconds, step, all);
      const rounding = 1e-9 * (1 + seconds);
      if (steps > 0) expect(lasting(steps)).toBeLessThanOrEqual(seconds + rounding);
      expect(lasting(steps + 1)).toBeGreaterThanOrEqual(seconds - rounding);
    }),
  );
});

test.each([
  [{ setUpSeconds: 12.34, stepSeconds: 1, pauses: [] }, "setting up 12.3 s, a step 1.0 s"],
  [{ setUpSeconds: 0.0312, stepSeconds: 0.00214, pauses: [] }, "setting up 31 ms, a step 2.1 ms"], // a fast machine
  [
    {
      setUpSeconds: 0.25,
      stepSeconds: 0.0004,
      pauses: [
        { seconds: 0.8, every: 2, atStart: true },
        { seconds: 0.1, every: 3, atStart: false },
      ],
    },
    "setting up 250 ms, a step 0.4 ms, held-out loss and probes 1.7 s", // one of them at the start and at the end
  ],
  [{ setUpSeconds: 0, stepSeconds: 0.002, pauses: [] }, "a step 2 ms"],
])("a refused budget says what a run takes, however fast the machine is: %#", (parts, said) => {
  expect(tooShort(0.001, parts)).toMatchObject({
    code: "budget",
    message: expect.stringContaining(`Here a run takes at least: ${said}.`),
  });
});

test("the number of steps is settled before the first and written down; the run is that of so many epochs, to the bit", async () => {
  const [timed, plain, stopped] = ["timed", "plain", "stopped"].map((name) => join(work.path, name)) as [
    string,
    string,
    string,
  ];
  tickingClock();
  const before = liveTensors();
  const events = await collect(pretrain(tinyRun(photos), { out: timed, minutes }));
  expect(liveTensors()).toBe(before);
  const { run } = openRun(timed);
  const { epochs, optim } = run.config as RunConfig;
  const { steps = 0, warmupSteps, budgetMinutes, measuredStepSeconds = 0 } = run.derived;
  expect(budgetMinutes).toBe(minutes);
  expect(steps).toBeGreaterThan(1);
  expect(steps * measuredStepSeconds).toBeLessThan(60 * minutes);
  expect(epochs).toBeCloseTo(steps / 3, 9); // 24 pictures, 8 a step
  expect([optim.warmupEpochs, warmupSteps]).toEqual([epochs / 4, Math.round(steps / 4)]); // one epoch of four was said
  const rates = events.flatMap((event) => (event.type === "step" ? [event.learningRate] : []));
  expect(rates).toHaveLength(steps);
  const whole = { peak: (0.05 * 8) / 256, warmup: warmupSteps as number, total: steps };
  expect(rates.at(-1)).toBeCloseTo(warmupCosine(whole, steps - 1), 12); // the schedule ends with the run

  const same = tinyRun(photos, { epochs, optim: { ...adamw, warmupEpochs: epochs / 4 } });
  expect(trace(await collect(pretrain(same, { out: plain })))).toEqual(trace(events));
  expect(finalState(plain)).toEqual(finalState(timed));

  const stop = new AbortController();
  const half = pretrain(tinyRun(photos), { out: stopped, minutes, signal: stop.signal });
  const seen = [];
  for await (const event of half) {
    seen.push(event);
    if (event.type === "step" && event.step === 3) stop.abort();
  }
  await half.close();
  const rest = await collect(resume(stopped));
  const own = openRun(stopped).run.derived["steps"] ?? 0;
  expect(trace([...seen, ...rest]).map(([step]) => step)).toEqual(Array.from({ length: own }, (_, i) => i + 1));
});

test("held-out losses and probes take their part of the time", async () => {
  const letPass = tickingClock();
  const wait = 0.05;
  const probe: Probe = {
    everyEpochs: 1,
    atStart: true,
    async *run() {
      letPass(1000 * wait);
      yield ["waited", wait];
    },
  };
  const run = pretrain(tinyRun(photos), { minutes, probes: [probe] });
  const { derived, budget } = await run.prepare();
  await run.close();
  const { stepSeconds = 0 } = budget ?? {};
  expect(derived.steps * stepSeconds + (1 + derived.steps / 3) * wait).toBeLessThan(60 * minutes);
});

test("fine-tuning has budgets too, and a budget that is over before it begins is refused", async () => {
  tickingClock();
  const source = { kind: "folder" as const, path: photos };
  const { model } = tinyRun(photos);
  const data = { source, imageSize: 16, batchSize: 8, workers: 0 };
  const run = finetune({ model, data, precision: "float32" }, { minutes });
  const { config, derived } = await run.prepare();
  await run.close();
  expect(derived.steps / derived.stepsPerEpoch).toBeCloseTo(config.epochs, 9);
  expect(derived.warmupSteps / derived.steps).toBeLessThan(0.5);
  await expect(collect(pretrain(tinyRun(photos), { minutes: 0.001 }))).rejects.toMatchObject({
    code: "budget",
    message: expect.stringMatching(
      /^in minutes: 0\.001 minutes are over before the first step\. .*: .*setting up .* Give it more minutes/,
    ),
  });
});
