/** The little of TIFF's tag directory that is needed: EXIF is one, and so is the head of every TIFF file. */

export const TIFF_WIDTH = 0x0100;
export const TIFF_HEIGHT = 0x0101;
export const TIFF_STRIP_OFFSET = 0x0111;
export const TIFF_STRIP_BYTES = 0x0117;
const ORIENTATION = 0x0112;

/** Directories in cameras' files have some dozens of entries; a larger count is a damaged or hostile file. */
const MOST_ENTRIES = 4096;

/** An entry of the first directory. */
export interface TiffEntry {
  readonly tag: number;
  /** 3 SHORT, 4 LONG. */
  readonly type: number;
  readonly count: number;
  /** Where its value stands, or the offset of values that do not fit into four bytes. */
  readonly valueAt: number;
  readonly little: boolean;
}

/**
 * The entries of the first directory; none when the bytes do not begin a classic TIFF structure. Never reads outside of
 * `bytes`, never follows a chain: corrupt EXIF is common.
 */
export function* tiffEntries(bytes: Uint8Array): Generator<TiffEntry> {
  if (bytes.length < 8) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const order = view.getUint16(0);
  const little = order === 0x4949;
  if ((!little && order !== 0x4d4d) || view.getUint16(2, little) !== 42) return;
  const start = view.getUint32(4, little);
  if (start + 2 > bytes.length) return;
  const count = Math.min(view.getUint16(start, little), MOST_ENTRIES);
  for (let at = start + 2; at < start + 2 + 12 * count && at + 12 <= bytes.length; at += 12) {
    const [tag, type] = [view.getUint16(at, little), view.getUint16(at + 2, little)];
    yield { tag, type, count: view.getUint32(at + 4, little), valueAt: at + 8, little };
  }
}

/** The single whole numbers (SHORT, LONG) of the first directory, by tag. */
export function readTiffTags(bytes: Uint8Array): ReadonlyMap<number, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tags = new Map<number, number>();
  for (const { tag, type, count, valueAt, little } of tiffEntries(bytes)) {
    if (count !== 1) continue;
    if (type === 3) tags.set(tag, view.getUint16(valueAt, little));
    else if (type === 4) tags.set(tag, view.getUint32(valueAt, little));
  }
  return tags;
}

/** EXIF's orientation, 1 … 8; 1 (upright) when there is none or it is nonsense. `tiff` begins at the byte-order mark. */
export function exifOrientation(tiff: Uint8Array): number {
  const value = readTiffTags(tiff).get(ORIENTATION) ?? 1;
  return value >= 1 && value <= 8 ? value : 1;
}
