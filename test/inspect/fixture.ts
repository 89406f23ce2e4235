/** The runs of test/reference/verdict-runs.json (made by bench/verdict.mjs) as events again. */
import { readFileSync } from "node:fs";
import { warmupCosine } from "../../src/optim/schedule.js";
import type { RunEvent, RunFile } from "../../src/runs/schema.js";

interface Stored {
  readonly name: string;
  readonly suspect?: string;
  readonly seed: number;
  readonly config: RunFile["config"];
  readonly derived: RunFile["derived"];
  readonly size: number;
  readonly loss: readonly (number | string)[];
  readonly gradNorm: readonly (number | string)[];
  readonly input: RunEvent;
  readonly updates: { readonly parts: readonly string[]; readonly rows: readonly (readonly number[])[] };
  readonly probes: readonly (readonly [step: number, name: string, value: number])[];
  readonly end?: "finished" | "interrupted" | "failed";
}

export interface StoredRun {
  readonly name: string;
  readonly suspect: string | undefined;
  readonly run: Pick<RunFile, "config" | "derived" | "data">;
  readonly events: readonly RunEvent[];
}

export function storedRuns(): StoredRun[] {
  const path = new URL("../reference/verdict-runs.json", import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as Stored[]).map((stored) => ({
    name: stored.name,
    suspect: stored.suspect,
    run: { config: stored.config, derived: stored.derived, data: { fingerprint: "", size: stored.size } },
    events: eventsOf(stored),
  }));
}

function eventsOf({ derived, input, loss, gradNorm, updates, probes, end }: Stored): RunEvent[] {
  const {
    learningRate: peak = 0,
    warmupSteps: warmup = 0,
    steps: total = 0,
    stepsPerEpoch = 1,
    effectiveBatch = 0,
  } = derived;
  const events: RunEvent[] = [input];
  for (const [step, name, value] of probes) if (step === 0) events.push({ type: "probe", step, name, value });
  for (const [i, value] of loss.entries()) {
    const step = i + 1;
    const learningRate = warmupCosine({ peak, warmup, total, minimum: 0 }, i);
    const place = { step, epoch: step / stepsPerEpoch, samples: step * effectiveBatch, seconds: 1, waitSeconds: 0 };
    events.push({ type: "step", ...place, loss: Number(value), gradNorm: Number(gradNorm[i]), learningRate });
    for (const [at, ...ratios] of updates.rows)
      if (at === step) events.push({ type: "update", step, ratios: named(updates.parts, ratios) });
    for (const [at, name, probed] of probes) if (at === step) events.push({ type: "probe", step, name, value: probed });
  }
  if (end !== undefined) events.push({ type: "end", step: loss.length, reason: end, seconds: 1 });
  return events;
}

function named(parts: readonly string[], ratios: readonly number[]): Record<string, number> {
  return Object.fromEntries(parts.map((part, i) => [part, ratios[i] as number]));
}
