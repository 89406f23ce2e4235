/** What Pillow, torchvision and timm gave for the pictures of transform-numbers.ts (test/reference/make_augment.py). */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Picture } from "../../../src/data/resample.js";
import { picture } from "../transform-numbers.js";

interface Result {
  readonly input: readonly [number, number, number, number];
  readonly sha256: string;
}

interface AugmentNumbers {
  readonly enhancements: readonly (Result & { kind: string; amount: number })[];
  readonly colours: readonly { kind: "hue" | "saturation"; amount: number; sha256: string }[];
  readonly jitters: readonly (Result & { changes: readonly (readonly [string, number])[] })[];
  readonly operations: readonly (Result & { operation: number; magnitude: number; sign: number })[];
  readonly augmented: readonly (Result & { draws: readonly (readonly [string, number])[] })[];
}

export const numbers = JSON.parse(
  readFileSync(new URL("../../reference/augment.json", import.meta.url), "utf8"),
) as AugmentNumbers;

export const inputOf = ({ input }: Result): Picture => picture(...input);

/** The beginning of the SHA-256 of the bytes, in hex. */
export function digest({ data }: Picture): string {
  return createHash("sha256").update(data).digest("hex").slice(0, 16);
}
