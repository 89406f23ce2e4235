/** Numbers and times as people read them. */
import type { Gain, Spread } from "../public/runs.js";

/** `45 s`, `12 min`, `3.4 h`, `2.1 days`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(1)} days`;
}

/** `86,567,656` */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `17.56 G`, `60.1 M`: three or four digits and a thousandfold. */
export function scaled(value: number): string {
  const units = ["", " k", " M", " G", " T", " P", " E"];
  const power = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  const number = value / 1000 ** power;
  return `${power === 0 ? Math.round(number) : number.toFixed(number < 100 ? 2 : 1)}${units[power]}`;
}

/** `1.5 GB`, decimal. */
export function bytes(value: number): string {
  return value < 1000 ? `${value} B` : `${scaled(value)}B`;
}

/** `37.5 %` */
export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** `37.5 % (34.5–40.6)`. @param interval in shares as well */
export function percentInterval(share: number, [low, high]: readonly [low: number, high: number]): string {
  return `${percent(share)} (${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`;
}

/**
 * `gained 7.9 points (6.5 to 9.3)`, `lost 0.1 points, which may be chance (−0.9 to 1.1)`. @param value in shares, as the interval @param
 * words for more and for less
 */
export function gainWords(
  { value, interval }: Gain,
  [more, less]: readonly [more: (points: string) => string, less: (points: string) => string] = [
    (points) => `gained ${points}`,
    (points) => `lost ${points}`,
  ],
): string {
  const [low, high] = value < 0 ? [-interval[1], -interval[0]] : interval;
  const points = (share: number): string => (100 * share).toFixed(1).replace("-", "−");
  const told = (value < 0 ? less : more)(`${points(Math.abs(value))} points`);
  return `${told}${low <= 0 ? ", which may be chance" : ""} (${points(low)} to ${points(high)})`;
}

/** `52.9 %`, over seeds `52.9 % ± 0.4`. */
export function percentSpread({ mean, deviation }: Pick<Spread, "mean" | "deviation">): string {
  return deviation === undefined ? percent(mean) : `${percent(mean)} ± ${(100 * deviation).toFixed(1)}`;
}

/** A rate or a loss with four digits. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const short = Number(value.toPrecision(4));
  const isPlain = short === 0 || (Math.abs(short) >= 1e-3 && Math.abs(short) < 1e4);
  return isPlain ? short.toString() : Number(value.toPrecision(3)).toExponential();
}

/** A path as it can be typed into a shell. */
export function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** What must not be broken, since it is copied: a command to the end of its line or its bracket; else a word. */
const unbroken = /\((?:npx )?lacuna [^)]*\)\S*|(?<=^|: )(?:npx )?lacuna .*|\S+/g;

/**
 * A line of any length as lines of at most `width` columns, broken between words; further lines stand `hang` columns further in.
 * A word or a command that is longer stays whole. @param whole what is not broken, in the cells of a table words alone
 */
export function wrapped(text: string, width: number, hang = 2, whole = unbroken): string[] {
  if (text.length <= width) return [text];
  const margin = /^\s*/.exec(text)?.[0] ?? "";
  const lines: string[] = [];
  let line = margin;
  for (const [word] of text.slice(margin.length).matchAll(whole)) {
    const isFirst = line.trim() === "";
    if (isFirst || line.length + 1 + word.length <= width) line += isFirst ? word : ` ${word}`;
    else {
      lines.push(line);
      line = `${margin}${" ".repeat(hang)}${word}`;
    }
  }
  return [...lines, line];
}

/** Help as commander writes it, and what was added to it: paragraphs are filled anew, lines that are indented stay lines. */
export function fitHelp(text: string, width: number): string {
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    const before = lines.at(-1) ?? "";
    const goesOn = /^\S/.test(line) && /^\S/.test(before) && before.length > 60;
    if (goesOn) lines[lines.length - 1] = `${before} ${line}`;
    else lines.push(line);
  }
  return lines.flatMap((line) => wrapped(line, width, /^\s/.test(line) ? 2 : 0)).join("\n");
}

/** As many of the parts between ` · ` as fit, the first ones first. */
export function fitParts(text: string, width: number): string {
  const parts = text.split(" · ");
  while (parts.length > 1 && parts.join(" · ").length > width) parts.pop();
  return parts.join(" · ").slice(0, width);
}
