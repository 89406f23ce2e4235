import { ConfigError } from "../../errors.js";
import type { PatchEncoder } from "../../models/encoder.js";
import type { CellMask } from "../../nn/convolution/visible-cells.js";
import type { Size } from "../../nn/patches.js";
import { arange } from "../../tensor/creation.js";
import { take } from "../../tensor/functional.js";
import type { Rng } from "../../tensor/random.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";

/** How hidden patches are drawn (MAE, table 1f and figure 6). */
export type MaskKind = "random" | "block" | "grid";

/** A mask as an order of patches: the first `kept` of `ids` are visible, `restore` [B N] is the inverse permutation. */
export type Mask = CellMask;

/** Visible patches of N: truncated in double precision as the official code does (196 at 0.9 keeps 19). */
export function keptPatches(patches: number, ratio: number): number {
  return Math.trunc(patches * (1 - ratio));
}

/** @throws ConfigError where a ratio leaves no patch of N visible, or hides none */
export function checkMaskRatio(maskRatio: number, patches: number): void {
  const kept = keptPatches(patches, maskRatio);
  if (kept > 0 && kept < patches) return;
  throw new ConfigError({
    problem: `a mask ratio of ${maskRatio} leaves ${kept} of ${patches} patches visible.`,
    code: "mask-ratio",
    path: "method.maskRatio",
    expected: "some patches visible and some hidden",
    actual: { maskRatio, patches, kept },
    remedy: "Use larger pictures, smaller patches or another ratio.",
  });
}

/** @throws ConfigError where a method that leaves patches out is given an encoder that needs all of them */
export function checkLeavesOut({ needsEveryPatch }: PatchEncoder): void {
  if (!needsEveryPatch) return;
  throw new ConfigError({
    problem: "relative positions are between all patches, and this method leaves patches out.",
    code: "relative-positions",
    path: "model.relativePositions",
    expected: "none",
    actual: "a table",
    remedy:
      "Set model.relativePositions to none, or take a method that hides patches behind mask tokens (beit, maskFeat).",
  });
}

/** ids [B N] -> the mask that keeps the first `kept` */
export function maskOf(ids: Tensor, kept: number): Mask {
  return { ids, restore: ids.argsort(1), kept };
}

/** noise [B N] -> mask: the smallest values stay visible (official `random_masking`). */
export function maskFromNoise(noise: Tensor, kept: number): Mask {
  return maskOf(noise.argsort(1), kept);
}

/** mask -> [B N] float32, 1 = hidden, 0 = visible, in image order */
export function hiddenPatches({ restore, kept }: Mask): Tensor {
  return restore.ge(kept).float();
}

/** Draws a mask for each sample of `rng` on a grid of patches. */
export function drawMask(kind: MaskKind, ratio: number, grid: Size, rng: Rng, device: string): Mask {
  const patches = grid[0] * grid[1];
  const kept = keptPatches(patches, ratio);
  const isPlanned = kind === "block" && device === "meta"; // blocks are drawn from numbers, which a plan has none of
  if (kind === "random" || isPlanned) return maskFromNoise(rng.uniform([patches], device), kept);
  const order = kind === "grid" ? gridOrder : blockOrder;
  const rows = rng.samples.map((_, row) => order(grid, kept, rng, row));
  const ids = tensor(BigInt64Array.from(rows.flat(), BigInt), [rows.length, patches]);
  return maskOf(device === "cpu" ? ids : ids.toDevice(device), kept);
}

/** @throws ConfigError unless squares of `square` × `square` patches fill the grid, and some of them are visible and some hidden */
export function checkSquares(square: number, ratio: number, [rows, columns]: Size): void {
  if (rows % square !== 0 || columns % square !== 0)
    throw new ConfigError({
      problem: `squares of ${square} × ${square} patches do not fill a grid of ${rows} × ${columns}.`,
      code: "mask-square",
      path: "method.maskSquare",
      expected: "a side that divides both sides of the grid",
      actual: square,
      remedy: "Set maskSquare to 1, or use pictures of another size.",
    });
  checkMaskRatio(ratio, (rows * columns) / square ** 2);
}

/**
 * Draws a mask of squares of `square` × `square` patches, each hidden or visible as one, for each sample of `rng` (CMAE's
 * `random_masking`). @throws ConfigError where `checkSquares` does
 */
export function drawSquareMask(square: number, ratio: number, grid: Size, rng: Rng, device: string): Mask {
  checkSquares(square, ratio, grid);
  const [rows, columns] = grid;
  const [down, across] = [rows / square, columns / square];
  const cells = rng.uniform([down * across], device).argsort(1); // [B C], visible ones first
  const numbers = arange(0, rows * columns, 1, { dtype: "int64", device });
  const ofCell = numbers
    .reshape([down, square, across, square])
    .permute([0, 2, 1, 3])
    .reshape([-1, square ** 2]); // [C s²]
  const ids = ofCell.indexSelect(0, cells.flatten()).reshape([rng.samples.length, rows * columns]); // [B N]
  return maskOf(ids, keptPatches(down * across, ratio) * square ** 2);
}

/** One visible patch in every cell of two by two, always its top left (the paper does not say which). */
function gridOrder([rows, columns]: Size, kept: number): number[] {
  const all = Array.from({ length: rows * columns }, (_, n) => n);
  const visible = (n: number): boolean => (n % columns) % 2 === 0 && Math.floor(n / columns) % 2 === 0;
  const first = all.filter(visible);
  if (first.length !== kept) {
    throw new ConfigError({
      problem: `a grid mask keeps one patch of every four (${first.length} of ${all.length}), not ${kept}.`,
      code: "mask-ratio",
      path: "method.maskRatio",
      expected: 0.75,
      actual: 1 - kept / all.length,
      remedy: "Set maskRatio to 0.75 and use a grid with an even number of patches on each side.",
    });
  }
  return [...first, ...all.filter((n) => !visible(n))];
}

/** Numbers drawn for one sample's blocks: far more than are ever used; the last ones break ties of the trim. */
const draws = 2048;

/**
 * Rectangles until the wanted count is hidden (BEiT, algorithm 1: area at least 16 of 196 patches, aspect 0.3 to
 * 1 / 0.3, ten attempts a rectangle). The count is then made exact at random: MAE needs one count for the batch.
 */
function blockOrder(grid: Size, kept: number, rng: Rng, row: number): number[] {
  const [rows, columns] = grid;
  const patches = rows * columns;
  const one = rng.at(rng.epoch, [rng.samples[row] ?? 0]);
  const numbers = one.fork("block").uniform([draws]).toArray() as Float32Array;
  let next = 0;
  const uniform = (): number => numbers[next++ % draws] ?? 0;
  const hidden = new Uint8Array(patches);
  const wanted = patches - kept;
  const smallest = Math.max(1, Math.round((16 / 196) * patches));
  let count = 0;
  while (count < wanted) {
    const added = addBlock(hidden, grid, { smallest, room: wanted - count }, uniform);
    if (added === 0) break;
    count += added;
  }
  const noise = one.fork("trim").uniform([patches]).toArray() as Float32Array;
  return rank(hidden, noise, count, wanted);
}

function addBlock(
  hidden: Uint8Array,
  [rows, columns]: Size,
  limits: { smallest: number; room: number },
  uniform: () => number,
): number {
  const logAspect = Math.log(1 / 0.3);
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = limits.smallest + uniform() * (limits.room - limits.smallest); // of what is left, where that is less
    const aspect = Math.exp((2 * uniform() - 1) * logAspect);
    const height = Math.round(Math.sqrt(area * aspect));
    const width = Math.round(Math.sqrt(area / aspect));
    if (height < 1 || width < 1 || height >= rows || width >= columns) continue;
    const top = Math.floor(uniform() * (rows - height + 1));
    const left = Math.floor(uniform() * (columns - width + 1));
    const cells = Array.from(
      { length: height * width },
      (_, i) => (top + Math.floor(i / width)) * columns + left + (i % width),
    );
    const fresh = cells.filter((cell) => hidden[cell] === 0);
    if (fresh.length === 0 || fresh.length > limits.room) continue;
    for (const cell of fresh) hidden[cell] = 1;
    return fresh.length;
  }
  return 0;
}

/** Visible patches first; where blocks fell short, patches chosen by `noise` are hidden as well. */
function rank(hidden: Uint8Array, noise: Float32Array, count: number, wanted: number): number[] {
  const byNoise = Array.from(noise.keys()).sort((a, b) => (noise[a] ?? 0) - (noise[b] ?? 0) || a - b);
  const more = new Set(byNoise.filter((n) => hidden[n] === 0).slice(0, wanted - count));
  const visible = (n: number): boolean => hidden[n] === 0 && !more.has(n);
  return [...byNoise.filter(visible), ...byNoise.filter((n) => !visible(n))];
}

/** image [B C H W], the patches `ids` [B K] -> what is encoded of these alone, class token first [B 1+K D] */
export function encodePatches(encoder: PatchEncoder, image: Tensor, ids: Tensor): Tensor {
  const { patchEmbed } = encoder;
  const patches = take(patchEmbed.unfold(image), ids); // [B K C·p·q]
  return encoder.encode(encoder.positionedSome(patchEmbed.call(patches), ids)); // [B 1+K D]
}

/**
 * Encodes pictures with hidden patches as a mask token: nothing is left out, and a token has the position of what it stands for (BEiT,
 * section 2.3; MaskFeat, SimMIM). image [B C H W], maskToken [1 1 D] -> latent of all patches in image order, class token first [B 1+N D]
 */
export function encodeWithMaskToken(
  encoder: PatchEncoder,
  image: Tensor,
  { restore, kept }: Mask,
  maskToken: Tensor,
): Tensor {
  return encoder.encodeTokens(image, restore.ge(kept), maskToken); // [B 1+N D]
}
