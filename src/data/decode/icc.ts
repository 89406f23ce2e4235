/** sRGB's red, green and blue primaries as profiles store them, adapted to D50 (IEC 61966-2-1, ICC.1 annex E). */
const PRIMARIES = [
  ["rXYZ", 0.4361, 0.2225, 0.0139],
  ["gXYZ", 0.3851, 0.7169, 0.0971],
  ["bXYZ", 0.1431, 0.0606, 0.7141],
] as const;

/** Profiles of different makers round differently; Display P3 and Adobe RGB differ by more than 0.07. */
const TOLERANCE = 0.006;

/**
 * Whether an ICC profile (or its beginning) describes sRGB, in which case pixels need no conversion. Judged by the
 * primaries: descriptions come in dozens of spellings. Profiles without these tags (tables, grey, CMYK) are not sRGB.
 */
export function isSrgbProfile(profile: Uint8Array): boolean {
  if (profile.length < 132) return false;
  const view = new DataView(profile.buffer, profile.byteOffset, profile.byteLength);
  const offsets = new Map<string, number>();
  const count = Math.min(view.getUint32(128), 100);
  for (let i = 0; i < count && 132 + 12 * (i + 1) <= profile.length; i++) {
    const at = 132 + 12 * i;
    offsets.set(Buffer.from(profile.subarray(at, at + 4)).toString("latin1"), view.getUint32(at + 4));
  }
  return PRIMARIES.every(([tag, ...expected]) => {
    const at = offsets.get(tag);
    if (at === undefined || at + 20 > profile.length) return false;
    // s15Fixed16 numbers behind the type's name and four reserved bytes.
    return expected.every((value, i) => Math.abs(view.getInt32(at + 8 + 4 * i) / 65536 - value) < TOLERANCE);
  });
}
