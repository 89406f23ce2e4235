// The record of bench/verdict.mjs: what the verdict says of each run, and the numbers between which its limits lie.

const show = (value) => (value === undefined ? "" : Number(value.toPrecision(3)).toString());
const causeOf = ({ result }) => result.suspect ?? result.status;
const isRight = ({ each, result }) =>
  each.suspect === undefined
    ? result.status === "normal" || result.status === "data-bound"
    : result.suspect === each.suspect;

/** What a run showed of each measure on which a limit lies. */
function measured({ events, result, run }) {
  const { evidence } = result;
  const probes = (name) => events.filter((event) => event.type === "probe" && event.name === name);
  return {
    "loss / baseline": evidence.recentLoss / run.derived.baseline,
    "largest update of the encoder": evidence.largestUpdate,
    "weight decay a step": run.derived.learningRate * run.config.optim.weightDecay,
    "input deviation": evidence.inputStd,
    "input mean": evidence.inputMean,
    "flat pictures": evidence.flatPictures,
    seam: evidence.seam,
    "feature rank": probes("featureRank").at(-1)?.value,
    featureStd: probes("featureStd").at(-1)?.value,
  };
}

function confusion(runs) {
  const names = (list) => [...new Set(list)];
  const truths = names(runs.map(({ each }) => each.suspect ?? "healthy"));
  const said = names([...runs.map(causeOf)]).sort();
  const count = (truth, word) =>
    runs.filter((run) => (run.each.suspect ?? "healthy") === truth && causeOf(run) === word).length;
  return [
    `| is \\ said | ${said.join(" | ")} |`,
    `|---|${said.map(() => "---").join("|")}|`,
    ...truths.map((truth) => `| ${truth} | ${said.map((word) => count(truth, word) || "").join(" | ")} |`),
  ];
}

function ranges(runs) {
  const all = runs.map((run) => ({ run, numbers: measured(run) }));
  return Object.keys(all[0].numbers).map((key) => {
    const of = (some) => {
      const list = some.flatMap(({ numbers }) => (numbers[key] === undefined ? [] : [numbers[key]]));
      return list.length === 0 ? "" : `${show(Math.min(...list))} to ${show(Math.max(...list))}`;
    };
    const sick = all.filter(({ run }) => run.each.suspect !== undefined);
    const each = sick
      .filter(({ run }) => run.seed === 0)
      .map(({ run, numbers }) => `${run.each.name}: ${show(numbers[key])}`);
    return `| ${key} | ${of(all.filter(({ run }) => run.each.suspect === undefined))} | ${each.join("; ")} |`;
  });
}

/** @returns the text of README.md */
export function report(runs, isInputAnew) {
  const seeds = [...new Set(runs.map(({ seed }) => seed))];
  const right = runs.filter(isRight).length;
  const rows = runs.map((run) => {
    const { each, seed, result } = run;
    return `| ${seed} | ${each.name} | ${each.suspect ?? "healthy"} | ${result.status}${result.suspect ? `, ${result.suspect}` : ""} | ${isRight(run) ? "yes" : "**no**"} | ${result.headline} |`;
  });
  return `${[
    "# What the verdict says of runs made well and sick on purpose",
    "",
    `Made by \`node bench/verdict.mjs\`: ${runs.length} runs, seeds ${seeds.join(", ")}, of test/inspect/cases.ts: small ViTs on 1,024 drawn pictures of`,
    "24 × 24, 300 to 400 steps each, really trained. The limits were set with these runs in view, so the table shows that the limits",
    "separate them, and is no estimate for runs that nobody has seen.",
    "The machine was busy, so that waiting for data counts as healthy here; times are not recorded.",
    ...(isInputAnew ? ["What the first batch shows was measured again after training, from the same batch."] : []),
    "",
    `Right: **${right} of ${runs.length}** (sick: the cause is named; healthy: normal, or waiting for data).`,
    "",
    "## Confusion table",
    "",
    ...confusion(runs),
    "",
    "## Between what the limits lie",
    "",
    "| measure | healthy | sick (seed 0) |",
    "|---|---|---|",
    ...ranges(runs),
    "",
    "## Each run",
    "",
    "| seed | run | is | said | right | in words |",
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n")}\n`;
}
