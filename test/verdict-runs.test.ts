import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { featureProbes } from "../src/evaluate/feature-probe.js";
import { loadReferences } from "../src/inspect/reference.js";
import { verdict } from "../src/inspect/verdict.js";
import { openRun } from "../src/runs/reader.js";
import { pretrain } from "../src/train/pretrain.js";
import { healthyCases, sickCases, type VerdictCase } from "./inspect/cases.js";
import { storedRuns } from "./inspect/fixture.js";
import { writeGrey } from "./inspect/pictures.js";
import { workFolder } from "./train/example.js";

const work = workFolder("verdict");
beforeAll(() => {
  for (const kind of ["shapes", "shuffled", "constant"] as const) writeGrey(join(work.path, kind), kind, 1024);
});
afterAll(work.remove);

const stored = storedRuns();
const references = loadReferences();
const words = {
  "learning-rate": /moved blocks\.\d by \d\.\d+ % .* the learning rate is too high/,
  "warm-up": /There is no warm-up: set optim\.warmupEpochs/,
  normalisation: /normalisation is wrong/,
  "shuffled-patches": /patches of the pictures are out of order/,
  "constant-pictures": /of one colour/,
  "weight-decay": /Weight decay takes 12 % of the weights away in each step/,
  "frozen-encoder": /encoder is frozen/,
} as const;

describe("runs that were really trained, stored by bench/verdict.mjs", () => {
  test("all cases are there: at least ten healthy ones of different kind, and every sickness", () => {
    const cases = [...healthyCases(work.path), ...sickCases(work.path)];
    expect(stored.map(({ name, suspect }) => [name, suspect])).toEqual(
      cases.map(({ name, suspect }) => [name, suspect]),
    );
    expect(stored.filter(({ suspect }) => suspect === undefined).length).toBeGreaterThanOrEqual(10);
    expect(new Set(stored.flatMap(({ suspect }) => suspect ?? []))).toEqual(new Set(Object.keys(words)));
  });

  test.each(stored.filter(({ suspect }) => suspect === undefined))(
    "$name: normal, and nothing bad at any moment",
    (each) => {
      expect(verdict(each.events, each.run, references)).toMatchObject({ status: "normal", causes: [] });
      for (let length = 0; length < each.events.length; length += 9) {
        const { status, headline } = verdict(each.events.slice(0, length), each.run);
        expect(["normal", "too-early"], `${length}: ${headline}`).toContain(status);
      }
    },
  );

  test.each(stored.filter(({ suspect }) => suspect !== undefined))("$name: $suspect is named", (each) => {
    const result = verdict(each.events, each.run, references);
    expect(result.suspect).toBe(each.suspect);
    expect([result.headline, ...result.causes].slice(0, 2).join(" ")).toMatch(
      words[each.suspect as keyof typeof words],
    );
  });

  test("without updates and input, as runs of before logged them, sickness is still no health", () => {
    for (const { name, events, run } of stored) {
      if (!/rate × 30|no warm-up|order|collapsed/.test(name)) continue;
      const old = events.filter(({ type }) => type !== "update" && type !== "input");
      expect(verdict(old, { derived: run.derived }).status).toMatch(/collapsed|predict-the-mean|diverged/);
    }
  });
});

/** Trains the first `steps` steps of a case here and now. */
async function judged(each: VerdictCase, steps: number): Promise<ReturnType<typeof verdict>> {
  const out = join(work.path, "runs", each.name.replaceAll(/\W+/g, "-"));
  const stop = new AbortController();
  const run = pretrain(each.config, { out, probes: featureProbes, signal: stop.signal });
  const { encoder } = await run.prepare();
  if (each.hook === "freezeEncoder") for (const parameter of encoder.state().values()) parameter.setRequiresGrad(false);
  for await (const event of run) if (event.type === "step" && event.step === steps) stop.abort();
  await run.close();
  const opened = openRun(out);
  return verdict(opened.events, opened.run, references);
}

describe("trained here", () => {
  const cases = [...healthyCases(work.path), ...sickCases(work.path)];
  const named = (name: string): VerdictCase => cases.find((each) => each.name === name) as VerdictCase;

  test.each([
    ["pixels of 0 to 255", 6],
    ["statistics of 0 to 255 for pixels of 0 to 1", 6],
    ["patches in random order", 6],
    ["pictures of one colour", 6],
    ["encoder frozen", 12],
  ])("%s: named after %i steps", async (name, steps) => {
    expect((await judged(named(name), steps)).suspect).toBe(named(name).suspect);
  });

  test("no warm-up where it does harm: named once features are judged", async () => {
    const each = named("no warm-up where it does harm");
    expect(await judged(each, 130)).toMatchObject({ status: "collapsed", suspect: "warm-up" });
  });
});
