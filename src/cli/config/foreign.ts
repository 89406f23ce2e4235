/** Flags of every command that opens a model: what somebody else's file leaves open, how features are pooled, how pictures are read. */
import { type Command, InvalidArgumentError } from "commander";
import type { Setting } from "../../keys.js";
import type { ForeignHints, LoadOptions } from "../../public/models.js";
import { wholeNumber } from "../options.js";

/** Flags for what somebody else's checkpoint leaves open; they win over what the file tells. */
export function foreignOptions(command: Command): Command {
  return command
    .option("--heads <n>", "attention heads, where the file does not say", wholeNumber)
    .option("--decoder-heads <n>", "the decoder's, where 32 wide each is wrong", wholeNumber)
    .option("--image-size <height,width>", "of the pictures that it was trained on", sides)
    .option("--mean <numbers>", "of each channel, of pixels from 0 to 1: 0.5,0.5,0.5", numbers)
    .option("--std <numbers>", "deviation of each channel", numbers)
    .option("--teacher", "of a file with student and teacher the teacher")
    .option("--no-teacher", "the student");
}

export function poolOption(command: Command): Command {
  return command.option(
    "--pool <how>",
    "mean (over positions) or class (the class token); as it was trained if absent",
  );
}

/** How pictures are read, and on which device the model is. */
export function readingOptions(command: Command): Command {
  return command
    .option("--jpeg <how>", "decoding: fast, accurate (Pillow's pixels) or scaled; as it was trained if absent")
    .option("--colour <how>", "colour profiles: converted to sRGB, or stored (no profile, as Pillow reads)")
    .option("--device <name>", "cpu or cuda");
}

/** What was said with these flags. */
export function foreignHints({ heads, decoderHeads, imageSize, mean, std, teacher }: ForeignHints): ForeignHints {
  return { heads, decoderHeads, imageSize, mean, std, teacher };
}

/** The same as settings of a configuration, below the key that has the file's hints. */
export function hintSettings(said: ForeignHints, key: "initHints" | "fromHints"): Setting[] {
  return Object.entries(foreignHints(said))
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({ path: `${key}.${name}`, value: value as unknown }));
}

/** What was said with all of them. */
export function loadOptions({ pool, jpeg, colour, device, ...hints }: LoadOptions): LoadOptions {
  return { pool, jpeg, colour, device, ...foreignHints(hints) };
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
