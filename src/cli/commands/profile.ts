import type { Command } from "commander";
import type { RunConfig } from "../../index.js";
import type { ModuleTime, StepProfile } from "../../public/plan.js";
import { resolveRun } from "../config/resolve.js";
import { type Add, checkOut, wholeNumber } from "../options.js";
import { bytes, figure, percent, scaled, whole } from "../words.js";
import { tellChoices } from "./pretrain.js";

interface Options {
  readonly flame?: string;
  readonly rows: number;
}

/** Modules with less of a step's time are left out of the table; `--json` has them all. */
const smallestShare = 0.01;

/** `lacuna profile <recipe | pictures>`: where the time of one training step goes. */
export function profileCommand(program: Command, add: Add): void {
  const command = program
    .command("profile")
    .summary("where the time of one training step goes, by module and by operation")
    .description(
      "Trains three steps on pictures of noise and times every operation of the last, those of the backward pass included. " +
        "Rates are compared with this machine's own for matrix products, measured once and kept. Reading pictures is no part of it.",
    )
    .usage("<pictures | recipe> [options] [--path.to.key=value …]")
    .argument("[what...]", "as for pretrain")
    .option("--flame <file>", "draw a flame graph, an .svg")
    .option("--rows <n>", "operations in the table", wholeNumber, 20)
    .allowUnknownOption();
  add<Options>(command, async (report, operands, options) => {
    const { flame } = options;
    if (flame !== undefined) await checkOut(flame, "--flame", [".svg"]);
    const { config, defaults } = await resolveRun(operands as string[], ["flame", "rows", "json"]);
    const { profileRun } = await import("../../public/plan.js");
    const profile = await profileRun(config, (line) => report.line(line));
    const { threads, precision, multiplyAddsPerSecond: machineRate, isBusy } = profile.machine;
    if (flame !== undefined) await draw(profile, config, flame);
    report.result({ ...profile, ...(flame === undefined ? {} : { file: flame }) }, () => {
      if (defaults !== undefined) tellChoices(report, defaults);
      report.line(`One step: ${ms(profile.seconds)}, ${phases(profile)} (${precision}, ${threads} threads)\n`);
      if (isBusy) report.line(`${busyNote}\n`);
      report.table(moduleRows(profile, machineRate, (report.columns ?? wide) < wide));
      report.line();
      report.table(operationRows(profile, machineRate, options.rows));
      report.line(`\nMatrix products reach ${scaled(2 * machineRate)}FLOP/s on this machine.`);
      if (flame !== undefined) report.line(`The flame graph is in ${flame}.`);
    });
    return 0;
  });
}

async function draw(profile: StepProfile, { method, model, data }: RunConfig, path: string): Promise<void> {
  const { writeAtomic } = await import("../../public/formats.js");
  const { drawFlame } = await import("../../public/plan.js");
  const title = `One training step: ${method.name}, ${model.name}, ${data.imageSize} px, batch ${data.batchSize}`;
  writeAtomic(path, await drawFlame(profile.flame, title));
}

const ms = (seconds: number): string => `${figure(seconds * 1000)} ms`;

function phases({ phases: parts, seconds }: StepProfile): string {
  return Object.entries(parts)
    .map(([name, time]) => `${name} ${percent(time / seconds, 0)}`)
    .join(", ");
}

/** FLOP/s, and of the machine's; nothing for what multiplies nothing. */
function rate(multiplyAdds: number, seconds: number, machineRate: number): string[] {
  if (multiplyAdds === 0) return ["", ""];
  const perSecond = multiplyAdds / seconds;
  return [`${scaled(2 * perSecond)}FLOP/s`, percent(perSecond / machineRate, 0)];
}

/** `encoder.blocks.*.attn` for those of all blocks, summed. */
function folded(modules: readonly ModuleTime[]): ModuleTime[] {
  const rows = new Map<string, ModuleTime>();
  for (const one of modules) {
    const path = one.path.replace(/\.\d+(?=\.|$)/g, ".*");
    const before = rows.get(path);
    rows.set(path, {
      path,
      seconds: one.seconds + (before?.seconds ?? 0),
      forwardSeconds: one.forwardSeconds + (before?.forwardSeconds ?? 0),
      backwardSeconds: one.backwardSeconds + (before?.backwardSeconds ?? 0),
      bytes: one.bytes + (before?.bytes ?? 0),
      multiplyAdds: one.multiplyAdds + (before?.multiplyAdds ?? 0),
    });
  }
  return [...rows.values()];
}

const busyNote = "Measured while other work had the machine: the times are too long. Profile again when it is quiet.";

/** A terminal of so many columns has room for the two directions and the bytes of every module. */
const wide = 100;

function moduleRows({ modules, seconds }: StepProfile, machineRate: number, isNarrow: boolean): string[][] {
  const shown = folded(modules).filter(({ seconds: own }) => own > smallestShare * seconds);
  return [
    ["module", "time", "share", ...(isNarrow ? [] : ["forward", "backward", "bytes"]), "rate", "of the machine's"],
    ...shown.map((one) => [
      one.path === "" ? "(the model)" : one.path,
      ms(one.seconds),
      percent(one.seconds / seconds),
      ...(isNarrow ? [] : [ms(one.forwardSeconds), ms(one.backwardSeconds), bytes(one.bytes)]),
      ...rate(one.multiplyAdds, one.seconds, machineRate),
    ]),
  ];
}

function operationRows({ operations, seconds }: StepProfile, machineRate: number, count: number): string[][] {
  return [
    ["operation", "calls", "time", "share", "bytes", "rate", "of the machine's"],
    ...operations
      .slice(0, count)
      .map((one) => [
        one.name,
        whole(one.calls),
        ms(one.seconds),
        percent(one.seconds / seconds),
        bytes(one.bytes),
        ...rate(one.multiplyAdds, one.seconds, machineRate),
      ]),
  ];
}
