/** What commands share: how they are added to the program, and numbers on the command line. */
import { extname } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { UsageError } from "./errors.js";
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

/**
 * What a command will write, looked at before anything long begins. @param endings `.csv`; of any case
 * @returns the ending @throws UsageError for another ending; FileError where it could not be written
 */
export async function checkOut<E extends string>(path: string, flag: string, endings: readonly E[]): Promise<E> {
  const ending = endings.find((known) => known === extname(path).toLowerCase());
  if (ending === undefined) {
    const expected = `a file that ends in ${endings.join(", ")}`;
    throw new UsageError({ code: "out", path: flag, expected, actual: path });
  }
  const { checkWritable } = await import("../public/formats.js");
  checkWritable(path);
  return ending;
}
