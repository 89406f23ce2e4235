import { distance } from "fastest-levenshtein";

/** The known word that a misspelt one was meant to be, if any is near. Dotted paths also match by their last part. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: { text: string; apart: number } | undefined;
  for (const text of known) {
    const whole = text.toLowerCase();
    const last = whole.slice(whole.lastIndexOf(".") + 1);
    // The last part alone counts a little less than the whole.
    const apart = Math.min(distance(wanted, whole), distance(wanted, last) + 0.5);
    if (best === undefined || apart < best.apart) best = { text, apart };
  }
  const limit = Math.max(2, Math.floor(wanted.length * 0.4));
  return best !== undefined && best.apart <= limit ? best.text : undefined;
}
