/** A supervised run beside k-NN and the exact linear probe of the frozen encoder that it began with, on the same pictures. */
import type { RunEvent } from "./schema.js";
import {
  type FrozenProbe,
  type Gain,
  gainInterval,
  type Interval,
  isFrozen,
  pairedInterval,
  scoresOfRun,
  wilsonInterval,
} from "./summary.js";

/** Which pictures are right, as events hold it: a bit each, the lowest first, in base64. */
export function packRight(right: ArrayLike<boolean | number>): string {
  const bytes = new Uint8Array(Math.ceil(right.length / 8));
  for (let i = 0; i < right.length; i++) if (right[i]) (bytes[i >> 3] as number) |= 1 << (i & 7);
  return Buffer.from(bytes).toString("base64");
}

/** How many pictures the first alone had right, and how many the second alone. @param count pictures that both judged */
export function countDifferences(first: string, second: string, count: number): { lost: number; won: number } {
  const [a, b] = [Buffer.from(first, "base64"), Buffer.from(second, "base64")];
  const bit = (of: Buffer, i: number): boolean => (((of[i >> 3] ?? 0) >> (i & 7)) & 1) === 1;
  let [lost, won] = [0, 0];
  for (let i = 0; i < count; i++) {
    if (bit(a, i) && !bit(b, i)) lost++;
    if (!bit(a, i) && bit(b, i)) won++;
  }
  return { lost, won };
}

/** An accuracy of the frozen encoder. */
export interface FrozenAccuracy {
  readonly name: FrozenProbe;
  readonly value: number;
  readonly meanPerClass: number;
  /** That were judged, and between which values the accuracy lies by them, 19 times of 20. */
  readonly pictures: number;
  readonly interval: Interval;
  /** How far the classifier's last accuracy is above it; undefined before the first. */
  readonly gain: Gain | undefined;
  /** Whether the gain is by the same pictures, so that its interval counts only those on which both differ. */
  readonly isPaired: boolean;
}

/** What a supervised run's frozen encoder was measured to have; empty where it was not. */
export function frozenAccuracies(events: readonly RunEvent[]): FrozenAccuracy[] {
  const last = events.findLast((event) => event.type === "heldOut");
  const scored = scoresOfRun(events).at(-1);
  return events.flatMap((event): FrozenAccuracy[] => {
    if (event.type !== "probe" || !isFrozen(event.name) || event.pictures === undefined) return [];
    const { name, value, pictures, meanPerClass = Number.NaN, right } = event;
    const isPaired = right !== undefined && last?.right !== undefined && last.pictures === pictures;
    const gain = scored && gainOver(event, scored.scores["top1"] ?? Number.NaN, isPaired ? last.right : undefined);
    return [{ name, value, meanPerClass, pictures, interval: wilsonInterval(value, pictures), gain, isPaired }];
  });
}

/** @param right of the classifier, where both judged the same pictures */
function gainOver(
  frozen: Extract<RunEvent, { type: "probe" }>,
  top1: number,
  right: string | undefined,
): Gain | undefined {
  const { value, pictures = 0 } = frozen;
  if (!Number.isFinite(top1)) return undefined;
  if (right === undefined) return { value: top1 - value, interval: gainInterval(value, top1, pictures) };
  const { lost, won } = countDifferences(frozen.right as string, right, pictures);
  return { value: (won - lost) / pictures, interval: pairedInterval(lost, won, pictures) };
}
