import { distance } from "fastest-levenshtein";

/** The known word that a misspelt one was meant to be, if any is near. Dotted paths also match by their last part. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: { text: string; apart: number } | undefined;
  for (const text of known) {
    const whole = text.toLowerCase();
    const parts = whole.split(".");
    // The last part alone counts less than the whole, the deeper it lies; a part of the configuration is meant to be named.
    const byLast = distance(wanted, parts.at(-1) as string) + 0.6 * (parts.length - 1);
    const byName = whole === `${wanted}.name` ? 1.1 : Number.POSITIVE_INFINITY;
    const apart = Math.min(distance(wanted, whole), byLast, byName);
    if (best === undefined || apart < best.apart) best = { text, apart };
  }
  const limit = Math.max(2, Math.floor(wanted.length * 0.4));
  return best !== undefined && best.apart <= limit ? best.text : undefined;
}
