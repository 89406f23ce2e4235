/** What commands share: how they are added to the program, and numbers on the command line. */
import { extname } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { ForeignHints } from "../public/models.js";
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

/** Flags for what somebody else's checkpoint leaves open; they win over what the file tells. */
export function foreignOptions(command: Command): Command {
  return command
    .option("--heads <n>", "attention heads, where the file does not say", wholeNumber)
    .option("--decoder-heads <n>", "the decoder's, where 32 wide each is wrong", wholeNumber)
    .option("--image-size <height,width>", "of the pictures that it was trained on", sides)
    .option("--mean <numbers>", "of each channel, of pixels from 0 to 1: 0.5,0.5,0.5", numbers)
    .option("--std <numbers>", "deviation of each channel", numbers)
    .option("--teacher", "of a file with student and teacher the teacher");
}

/** What was said with these flags. */
export function foreignHints({ heads, decoderHeads, imageSize, mean, std, teacher }: ForeignHints): ForeignHints {
  return { heads, decoderHeads, imageSize, mean, std, teacher };
}

/** For commander: `64` or `48,96`. */
function sides(text: string): [number, number] {
  const [height = 0, width = height] = text.split(",").map(wholeNumber);
  return [height, width];
}

/** For commander: `0.5,0.5,0.5`. */
function numbers(text: string): number[] {
  const values = text.split(",").map(Number);
  if (text === "" || !values.every(Number.isFinite))
    throw new InvalidArgumentError("Expected numbers like 0.5,0.5,0.5.");
  return values;
}
