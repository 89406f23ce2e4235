/** The little of TIFF's tag directory that is needed: EXIF is one, and so is the head of every TIFF file. */

export const TIFF_WIDTH = 0x0100;
export const TIFF_HEIGHT = 0x0101;
export const TIFF_STRIP_OFFSET = 0x0111;
export const TIFF_STRIP_BYTES = 0x0117;
const ORIENTATION = 0x0112;

/** Directories in cameras' files have some dozens of entries; a larger count is a damaged or hostile file. */
const MOST_ENTRIES = 4096;

/**
 * The single whole numbers (SHORT, LONG) of the first directory, by tag. Undefined when the bytes do not begin a
 * classic TIFF structure. Never reads outside of `bytes`, never follows a chain: corrupt EXIF is common.
 */
export function readTiffTags(bytes: Uint8Array): ReadonlyMap<number, number> | undefined {
  if (bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const little = order === 0x4949;
  if (view.getUint16(2, little) !== 42) return undefined;
  const start = view.getUint32(4, little);
  if (start + 2 > bytes.length) return undefined;
  const count = Math.min(view.getUint16(start, little), MOST_ENTRIES);
  const tags = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const at = start + 2 + 12 * i;
    if (at + 12 > bytes.length) break;
    const type = view.getUint16(at + 2, little);
    if (view.getUint32(at + 4, little) !== 1) continue;
    const tag = view.getUint16(at, little);
    if (type === 3) tags.set(tag, view.getUint16(at + 8, little));
    else if (type === 4) tags.set(tag, view.getUint32(at + 8, little));
  }
  return tags;
}

/** EXIF's orientation, 1 … 8; 1 (upright) when there is none or it is nonsense. `tiff` begins at the byte-order mark. */
export function exifOrientation(tiff: Uint8Array): number {
  const value = readTiffTags(tiff)?.get(ORIENTATION) ?? 1;
  return value >= 1 && value <= 8 ? value : 1;
}
