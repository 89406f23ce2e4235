/** What somebody else's file of weights leaves open, as a configuration keeps it beside the file's name. */
import { z } from "zod";
import { ConfigError } from "../errors.js";

const positive = z.int().positive();

export const hintsSchema = z
  .strictObject({
    heads: positive.optional().describe("attention heads"),
    decoderHeads: positive.optional().describe("the decoder's"),
    imageSize: z
      .tuple([positive, positive])
      .optional()
      .describe("[height, width] of the pictures that it was trained on"),
    mean: z.array(z.number()).optional().describe("of each channel, of pixels from 0 to 1"),
    std: z.array(z.number().positive()).optional(),
    teacher: z.boolean().optional().describe("of a file with student and teacher the teacher"),
  })
  .describe("what somebody else's file leaves open; they win over what it tells");

/** @param file what they are about, by the configuration's key @throws ConfigError for hints about no file */
export function checkHints(
  file: { readonly key: "init" | "from"; readonly path: string | undefined },
  hints: unknown,
): void {
  if (hints === undefined || file.path !== undefined) return;
  throw new ConfigError({
    problem: `expected ${file.key} beside it, the file that it is about, got none.`,
    code: "hint",
    path: `${file.key}Hints`,
    expected: file.key,
    actual: "none",
    remedy: `Name the file by ${file.key}, or leave what is said of it out.`,
  });
}
