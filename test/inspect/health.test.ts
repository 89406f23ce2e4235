import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { healthySignals, readSignals, unhealthy } from "../../src/inspect/health.js";
import { verdict } from "../../src/inspect/verdict.js";
import type { RunEvent, RunHealth } from "../../src/runs/schema.js";
import { stepEvent } from "../runs/example.js";

const signal = (name: string, limit: { below?: number; above?: number }): RunHealth["signals"][number] => ({
  name,
  what: `the ${name}`,
  ...limit,
  finding: `All is wrong with the ${name}.`,
  causes: [`look at the ${name}`],
});
const health: RunHealth = {
  loss: "moves",
  signals: [
    signal("spread", { below: 0.1 }),
    signal("negative", { above: 0.9 }),
    signal("rank", { below: 2 }),
    signal("heldOut.labels", { above: 1 }),
    signal("unlimited", {}),
  ],
};

/** 200 steps with a spread of 0.5, or another from step 150 on, and parts of a held-out loss and a probe at the end. */
function run(late: { spread?: number; labels?: number; rank?: number } = {}): RunEvent[] {
  const { spread = 0.5, labels = 0.2, rank = 9 } = late;
  const steps = Array.from({ length: 200 }, (_, i) =>
    stepEvent(i + 1, { loss: 3 + i / 100, parts: { spread: i < 150 ? 0.5 : spread, negative: 0.1 } }),
  );
  return [
    ...steps,
    { type: "heldOut", step: 200, epoch: 2, loss: 1, parts: { labels } },
    { type: "probe", step: 200, name: "rank", value: rank },
  ];
}

test("parts of the loss, probes and held-out parts are read once the warm-up is well past", () => {
  const values = (events: readonly RunEvent[], warmup: number): [string, number][] =>
    readSignals(events, health, warmup).map(({ signal: { name }, value }) => [name, value]);
  expect(values(run(), 40)).toEqual([
    ["spread", 0.5],
    ["negative", expect.closeTo(0.1, 10)],
    ["rank", 9],
    ["heldOut.labels", 0.2],
  ]);
  expect(values(run(), 101)).toEqual([]); // 100 steps after it are not over
  expect(readSignals(run(), undefined, 0)).toEqual([]); // a run of an earlier version
  const wrong = run().map((event) => (event.type === "step" ? { ...event, parts: { spread: Number.NaN } } : event));
  expect(values(wrong, 40).map(([name]) => name)).toEqual(["rank", "heldOut.labels"]);
});

describe("a run whose loss moves", () => {
  test("is normal by its signals although the loss rises, and the signals are told", () => {
    const result = verdict(run(), { derived: { warmupSteps: 20 }, health });
    expect(result.status).toBe("normal");
    expect(result.headline).toBe(
      "The run looks normal: the spread 0.5; the negative 0.1; the rank 9; the heldOut.labels 0.2.",
    );
    expect(result.evidence).toMatchObject({ spread: 0.5, rank: 9 });
    expect(verdict(run(), { derived: { warmupSteps: 20 } }).status).toBe("diverged"); // as a loss that shall fall
  });

  test("is too early to judge until the warm-up is past", () => {
    const { headline } = verdict(run().slice(0, 150), { derived: { warmupSteps: 120 }, health });
    expect(headline).toBe("It is too early to tell: the warm-up ended at step 120.");
  });

  test("without a signal that was logged, no more is said than is known", () => {
    const { status, headline } = verdict(run(), { derived: {}, health: { loss: "moves", signals: [] } });
    expect(status).toBe("normal");
    expect(headline).toBe(healthySignals([]).headline);
  });
});

test.each([
  ["spread", { spread: 0.05 }],
  ["rank", { rank: 1.5 }],
  ["heldOut.labels", { labels: 1.2 }],
])("%s beyond its limit is named with the method's own causes", (name, late) => {
  expect(verdict(run(late), { derived: { warmupSteps: 20 }, health })).toMatchObject({
    status: "unhealthy",
    headline: `The run is not well: all is wrong with the ${name}.`,
    causes: [`look at the ${name}`],
  });
});

describe("a signal beyond its limit that comes back", () => {
  const slow = (at: (step: number) => number): RunEvent[] =>
    run().map((event) =>
      event.type === "step" ? { ...event, parts: { spread: at(event.step), negative: 0.1 } } : event,
    );
  const judged = (at: (step: number) => number) => verdict(slow(at), { derived: { warmupSteps: 20 }, health });

  test("is a slow start, as long as it does", () => {
    expect(judged((step) => 0.02 + step / 4000)).toMatchObject({
      status: "too-early",
      headline: "It is too early to tell: the spread is 0.0676, which alone would be a collapse, but is recovering.",
      causes: [],
    });
    expect(judged((step) => 0.02 + Math.min(step, 150) / 4000).status).toBe("unhealthy");
  });

  test("and noise is not that", () => {
    expect(judged((step) => 0.05 + 1e-4 * Math.sin(step)).status).toBe("unhealthy");
  });
});

interface Stored {
  readonly name: string;
  readonly signal?: string;
  readonly derived: Readonly<Record<string, number>>;
  readonly health: RunHealth;
  /** Pictures that a probe judges. */
  readonly queries: number;
  readonly loss: readonly number[];
  readonly parts: Readonly<Record<string, readonly number[]>>;
  readonly heldOut: readonly (readonly [step: number, loss: number, parts: Readonly<Record<string, number>>])[];
  readonly probes: readonly (readonly [step: number, name: string, value: number])[];
}

/** What was logged, in order. */
function eventsOf({ loss, parts, heldOut, probes, queries }: Stored): RunEvent[] {
  const at = (step: number): RunEvent[] => [
    ...heldOut.flatMap(([on, value, of]): RunEvent[] =>
      on === step ? [{ type: "heldOut", step, epoch: 0, loss: value, parts: { ...of } }] : [],
    ),
    ...probes.flatMap(([on, name, value]): RunEvent[] =>
      on === step ? [{ type: "probe", step, name, value, pictures: queries }] : [],
    ),
  ];
  const steps = loss.flatMap((value, i): RunEvent[] => {
    const now = Object.fromEntries(Object.entries(parts).map(([name, values]) => [name, values[i] as number]));
    return [stepEvent(i + 1, { loss: value, parts: now, waitSeconds: 0 }), ...at(i + 1)];
  });
  return [...at(0), ...steps];
}

describe("runs that were really trained, stored by bench/verdict/methods.mjs", () => {
  const path = new URL("../reference/verdict-methods.json", import.meta.url);
  const stored = JSON.parse(readFileSync(path, "utf8")) as Stored[];

  test.each(stored.filter(({ signal: sick }) => sick === undefined))(
    "$name: normal, and never worse on the way",
    (each) => {
      const events = eventsOf(each);
      expect(verdict(events, each).status).toBe("normal");
      for (let length = 0; length < events.length; length += 9)
        expect(verdict(events.slice(0, length), each).status).toMatch(/^(normal|too-early)$/);
    },
  );

  test.each(stored.filter(({ signal: sick }) => sick !== undefined))("$name: named by $signal", (each) => {
    const named = each.health.signals.find(({ name }) => name === each.signal);
    const { status, headline, causes } = verdict(eventsOf(each), each);
    expect(status).toBe("unhealthy");
    expect(headline.toLowerCase()).toContain(named?.finding.toLowerCase());
    expect(causes).toEqual(named?.causes);
  });
});

test("what moved the weights too far comes before the method's causes", () => {
  const readings = readSignals(run({ spread: 0.05 }), health, 20);
  const culprit = { suspect: "learning-rate", cause: "The rate is too high." } as const;
  expect(unhealthy(readings, culprit, {})).toMatchObject({
    suspect: "learning-rate",
    causes: ["The rate is too high.", "look at the spread"],
  });
});
