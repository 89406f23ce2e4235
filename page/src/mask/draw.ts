/** Masks drawn by chance, the same for the same seed: the paper's three kinds (MAE, table 1f and figure 6). */
import { KeyedRandom } from "../../../src/data/random.js";
import { cellCount, type Grid, type Mask } from "./grid.js";

export type MaskKind = "random" | "block" | "grid";

export interface Draw {
  readonly kind: MaskKind;
  /** Share of the patches to hide, 0 to 1; a grid always hides three of four. */
  readonly ratio: number;
  readonly seed: number;
}

/** @returns a mask that hides `hiddenOf(ratio, N)` patches; of kind grid, one of every four stays */
export function drawMask({ kind, ratio, seed }: Draw, grid: Grid): Mask {
  if (kind === "grid") return gridMask(grid);
  const random = new KeyedRandom({ seed, purpose: `page:${kind}`, epoch: 0, sample: 0 });
  const wanted = hiddenOf(ratio, cellCount(grid));
  return kind === "random" ? randomMask(grid, wanted, random) : blockMask(grid, wanted, random);
}

/** Patches to hide: what is kept is truncated, as the official code does, and at least one patch stays. */
export function hiddenOf(ratio: number, patches: number): number {
  return patches - Math.max(1, Math.trunc(patches * (1 - ratio)));
}

function randomMask(grid: Grid, wanted: number, random: KeyedRandom): Mask {
  return topUp(new Uint8Array(cellCount(grid)), wanted, random);
}

/** One visible patch in every cell of two by two, its top left. */
function gridMask(grid: Grid): Mask {
  return Uint8Array.from({ length: cellCount(grid) }, (_, cell) => {
    const isKept = (cell % grid.columns) % 2 === 0 && Math.floor(cell / grid.columns) % 2 === 0;
    return isKept ? 0 : 1;
  });
}

/** Rectangles until enough is hidden (BEiT, algorithm 1), then single patches to make the count exact. */
function blockMask(grid: Grid, wanted: number, random: KeyedRandom): Mask {
  const mask = new Uint8Array(cellCount(grid));
  // 16 of 196 patches is BEiT's smallest rectangle.
  const smallest = Math.max(1, Math.round((16 / 196) * mask.length));
  for (let count = 0; count < wanted; ) {
    const added = addBlock(mask, grid, { smallest, room: wanted - count }, random);
    if (added === 0) break;
    count += added;
  }
  return topUp(mask, wanted, random);
}

function addBlock(
  mask: Mask,
  { rows, columns }: Grid,
  { smallest, room }: { smallest: number; room: number },
  random: KeyedRandom,
): number {
  const logAspect = Math.log(1 / 0.3);
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = smallest + random.uniform() * Math.max(0, room - smallest);
    const aspect = Math.exp((2 * random.uniform() - 1) * logAspect);
    const height = Math.round(Math.sqrt(area * aspect));
    const width = Math.round(Math.sqrt(area / aspect));
    if (height < 1 || width < 1 || height >= rows || width >= columns) continue;
    const top = random.integer(rows - height + 1);
    const left = random.integer(columns - width + 1);
    const cells = Array.from(
      { length: height * width },
      (_, i) => (top + Math.floor(i / width)) * columns + left + (i % width),
    );
    const fresh = cells.filter((cell) => mask[cell] === 0);
    if (fresh.length === 0 || fresh.length > room) continue;
    for (const cell of fresh) mask[cell] = 1;
    return fresh.length;
  }
  return 0;
}

/** Hides visible patches by chance until `wanted` are hidden. */
function topUp(mask: Mask, wanted: number, random: KeyedRandom): Mask {
  const noise = Float64Array.from(mask, () => random.uniform());
  const visible = Array.from(mask.keys()).filter((cell) => mask[cell] === 0);
  const order = visible.sort((a, b) => (noise[b] as number) - (noise[a] as number) || a - b);
  for (const cell of order.slice(0, wanted - (mask.length - visible.length))) mask[cell] = 1;
  return mask;
}
