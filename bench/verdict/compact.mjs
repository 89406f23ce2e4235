// Runs in few bytes, for test/inspect/fixture.ts to read: columns instead of events, times left out.

const digits = (value, count) => (Number.isFinite(value) ? Number(value.toPrecision(count)) : String(value));

/** @param runs of bench/verdict.mjs. @returns JSON, a run a line */
export function compact(runs) {
  const lines = runs.map(({ each, seed, run, events }) => {
    const steps = events.filter(({ type }) => type === "step");
    const updates = events.filter(({ type }) => type === "update");
    const parts = Object.keys(updates[0]?.ratios ?? {});
    const { model, method, optim, log, data } = run.config;
    const { source, heldOut, ...input } = data;
    const [input1] = events.filter(({ type }) => type === "input");
    return JSON.stringify({
      name: each.name,
      suspect: each.suspect,
      seed,
      config: { model, method, optim, data: { ...input, source: { kind: source.kind } }, log: { probe: log.probe } },
      derived: run.derived,
      size: run.data.size,
      loss: steps.map(({ loss }) => digits(loss, 4)),
      gradNorm: steps.map(({ gradNorm }) => digits(gradNorm, 3)),
      input: input1,
      updates: {
        parts,
        rows: updates.map(({ step, ratios }) => [step, ...parts.map((part) => digits(ratios[part], 3))]),
      },
      probes: events
        .filter(({ type }) => type === "probe")
        .map(({ step, name, value }) => [step, name, digits(value, 4)]),
      end: events.at(-1)?.type === "end" ? events.at(-1).reason : undefined,
    });
  });
  return `[\n${lines.join(",\n")}\n]\n`;
}
