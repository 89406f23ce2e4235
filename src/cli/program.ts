/** The tree of commands. Nothing here imports the library: help must be instant. */

import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { LacunaError } from "../errors.js";
import { attendCommand } from "./commands/attend.js";
import { checkReferenceCommand } from "./commands/check-reference.js";
import { compareCommand } from "./commands/compare.js";
import { convertCommand } from "./commands/convert.js";
import { dataCommand } from "./commands/data.js";
import { doctorCommand } from "./commands/doctor.js";
import { embedCommand } from "./commands/embed.js";
import { evaluateCommand } from "./commands/evaluate.js";
import { exportCommand } from "./commands/export.js";
import { finetuneCommand } from "./commands/finetune.js";
import { inspectCommand } from "./commands/inspect.js";
import { pageCommand } from "./commands/page.js";
import { planCommand } from "./commands/plan.js";
import { predictCommand } from "./commands/predict.js";
import { pretrainCommand } from "./commands/pretrain.js";
import { profileCommand } from "./commands/profile.js";
import { quickstartCommand } from "./commands/quickstart.js";
import { reconstructCommand } from "./commands/reconstruct.js";
import { resumeCommand } from "./commands/resume.js";
import { setupCommand } from "./commands/setup.js";
import { sweepCommand } from "./commands/sweep.js";
import { loadPlugins } from "./config/plugins.js";
import { exitCodeOf, exitCodes } from "./errors.js";
import type { Add } from "./options.js";
import { Report } from "./report.js";
import { fitHelp } from "./words.js";

const register = [
  quickstartCommand,
  pretrainCommand,
  finetuneCommand,
  predictCommand,
  resumeCommand,
  inspectCommand,
  reconstructCommand,
  attendCommand,
  embedCommand,
  evaluateCommand,
  exportCommand,
  pageCommand,
  convertCommand,
  planCommand,
  profileCommand,
  sweepCommand,
  compareCommand,
  doctorCommand,
  dataCommand,
  checkReferenceCommand,
  setupCommand,
];

const epilogue = `
Exit codes: 0 all went well · 1 an error · 2 a mistake on the command line · 130, 143 or 129 stopped by Ctrl-C, SIGTERM or
the end of its terminal, with the run saved. Without a reader (| head) a command goes on to its end. doctor and check-reference say theirs in their own help. LACUNA_DEBUG=1 shows the stack of an error.`;

/** Runs a command line. @returns the exit code */
export async function main(parameters: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command("lacuna")
    .description("Self-supervised vision: hide most of a picture, learn to see by filling in the gaps.")
    .version(version(), "-V, --version")
    .showHelpAfterError("(see --help)")
    .exitOverride()
    .configureOutput({ writeOut: (text) => process.stdout.write(fitHelp(text, new Report(false).columns ?? 80)) })
    .addHelpText("after", epilogue);
  const add: Add = (command, body) =>
    command
      .addOption(new Option("--json", "print the answer as JSON, everything else to stderr"))
      .addOption(pluginOption())
      .exitOverride()
      .action(async (...all: unknown[]) => {
        checkPlatform();
        const report = new Report(command.opts()["json"] === true);
        await loadPlugins(command.opts()["plugin"] as string[], parameters);
        const operands = all.slice(0, -2).flat() as (string | undefined)[];
        exitCode = (await body(report, operands, command.opts() as Parameters<typeof body>[2])) ?? 0;
      });
  for (const one of register) one(program, add);
  try {
    await program.parseAsync(parameters, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage; // commander has printed it
    new Report(parameters.includes("--json")).error(error, process.env["LACUNA_DEBUG"] === "1");
    return exitCodeOf(error);
  }
  return exitCode;
}

/** May be given several times. */
function pluginOption(): Option {
  return new Option("--plugin <file>", "a program that defines a method or a model of your own")
    .argParser((file: string, before: readonly string[]) => [...before, file])
    .default([], "none");
}

function version(): string {
  const path = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

function checkPlatform(): void {
  if (process.platform === "linux" && process.arch === "x64") return;
  const actual = `${process.platform} ${process.arch}`;
  throw new LacunaError({
    problem: `Lacuna runs on Linux x86-64; this is ${actual}.`,
    code: "platform",
    expected: "linux x64",
    actual,
    remedy: "Use a Linux machine or container.",
  });
}
