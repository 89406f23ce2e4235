/** Numbers and times as people read them. */
import type { Spread } from "../index.js";

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
