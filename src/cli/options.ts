/** What commands share: how they are added to the program, and numbers on the command line. */
import { type Command, InvalidArgumentError } from "commander";
import type { Report } from "./report.js";

/** What a command does, given what it prints to, its operands and its options. @returns an exit code, 0 if none */
export type Body<O> = (report: Report, operands: (string | undefined)[], options: O) => Promise<number | undefined>;

/** Adds a command to the program; `--json` where it has an answer. */
export type Add = <O>(command: Command, body: Body<O>) => Command;

/** For commander: a whole number of at least zero. */
export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Expected a whole number.");
  return Number(text);
}

/** For commander: a number above zero. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("Expected a number above 0.");
  return value;
}
