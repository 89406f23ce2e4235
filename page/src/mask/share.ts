/** A view of the page as the hash of an address: the mask as bits, the example, and how it is shown. */
import { cellCount, type Grid, type Mask } from "./grid.js";

export interface Shared {
  readonly mask: Mask;
  /** Number of the example; undefined for a picture of one's own, which stays on the machine. */
  readonly example: number | undefined;
  readonly everywhere: boolean;
  readonly statistics: "true" | "interpolated";
}

/** `#grid=14x14&mask=…&example=3`; what is at its default is left out. */
export function hashOf({ mask, example, everywhere, statistics }: Shared, grid: Grid): string {
  const parts = new URLSearchParams({ grid: `${grid.rows}x${grid.columns}`, mask: toText(mask) });
  if (example !== undefined) parts.set("example", String(example));
  if (everywhere) parts.set("show", "prediction");
  if (statistics === "interpolated") parts.set("statistics", statistics);
  return `#${parts}`;
}

/** What a hash says; undefined where it holds no mask for this grid. Never throws: anybody can write an address. */
export function sharedFrom(hash: string, grid: Grid, examples: number): Shared | undefined {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  if (parts.get("grid") !== `${grid.rows}x${grid.columns}`) return undefined;
  const mask = fromText(parts.get("mask") ?? "", cellCount(grid));
  if (mask === undefined) return undefined;
  const example = Number(parts.get("example") ?? "none");
  return {
    mask,
    example: Number.isInteger(example) && example >= 0 && example < examples ? example : undefined,
    everywhere: parts.get("show") === "prediction",
    statistics: parts.get("statistics") === "interpolated" ? "interpolated" : "true",
  };
}

/** Eight cells a byte, the first in the highest bit; base64 for addresses, without padding. */
function toText(mask: Mask): string {
  const bytes = new Uint8Array(Math.ceil(mask.length / 8));
  for (const [cell, hidden] of mask.entries()) {
    bytes[cell >> 3] = (bytes[cell >> 3] as number) | (hidden << (7 - (cell & 7)));
  }
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

function fromText(text: string, cells: number): Mask | undefined {
  if (!/^[\w-]+$/.test(text) || text.length !== Math.ceil((Math.ceil(cells / 8) * 4) / 3)) return undefined;
  try {
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from({ length: cells }, (_, cell) => (bytes.charCodeAt(cell >> 3) >> (7 - (cell & 7))) & 1);
  } catch {
    return undefined;
  }
}
