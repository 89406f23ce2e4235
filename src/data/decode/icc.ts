/**
 * What becomes of an embedded colour profile.
 * - `converted`: applied, so that pixels are sRGB, as viewers show them
 * - `stored`: left out, so that pixels are the file's numbers, as Pillow and torchvision read them
 */
export const COLOUR_MODES = ["converted", "stored"] as const;
export type ColourMode = (typeof COLOUR_MODES)[number];

/** sRGB's red, green and blue primaries as profiles store them, adapted to D50 (IEC 61966-2-1, ICC.1 annex E). */
const PRIMARIES = [
  ["rXYZ", 0.4361, 0.2225, 0.0139],
  ["gXYZ", 0.3851, 0.7169, 0.0971],
  ["bXYZ", 0.1431, 0.0606, 0.7141],
] as const;

/** Profiles of different makers round differently; Display P3 and Adobe RGB differ by more than 0.07. */
const TOLERANCE = 0.006;

/** What a curve may differ by, in levels of 255: makers write tables of different lengths. A power of 2.2 differs by 7. */
const CURVE_TOLERANCE = 2;
/** Levels at which curves are compared. */
const LEVELS = [...Array.from({ length: 31 }, (_, i) => 8 * (i + 1)), 255];

/** sRGB's light, 0 … 1, of a level, 0 … 1 (IEC 61966-2-1). */
const lightOf = (level: number): number => (level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4);
/** Of each level the least and the most light that counts as sRGB's. */
const BOUNDS = LEVELS.map((level) => {
  return [lightOf((level - CURVE_TOLERANCE) / 255), lightOf((level + CURVE_TOLERANCE) / 255)] as const;
});

/** Tags of tables, which colour management takes before primaries and curves (ICC.1, 8.3). */
const TABLES = ["A2B0", "A2B1", "D2B0", "D2B1"];

/**
 * Whether an ICC profile (or its beginning) describes sRGB, in which case pixels need no conversion. Judged by the
 * primaries and the tone curves: descriptions come in dozens of spellings. Profiles without these tags (tables, grey, CMYK)
 * are not sRGB.
 */
export function isSrgbProfile(profile: Uint8Array): boolean {
  if (profile.length < 132) return false;
  const view = new DataView(profile.buffer, profile.byteOffset, profile.byteLength);
  const offsets = new Map<string, number>();
  const count = Math.min(view.getUint32(128), 100);
  for (let i = 0; i < count && 132 + 12 * (i + 1) <= profile.length; i++) {
    const at = 132 + 12 * i;
    offsets.set(textAt(profile, at), view.getUint32(at + 4));
  }
  if (TABLES.some((tag) => offsets.has(tag))) return false;
  const hasPrimaries = PRIMARIES.every(([tag, ...expected]) => {
    const at = offsets.get(tag);
    if (at === undefined || at + 20 > profile.length) return false;
    // s15Fixed16 numbers behind the type's name and four reserved bytes.
    return expected.every((value, i) => Math.abs(view.getInt32(at + 8 + 4 * i) / 65536 - value) < TOLERANCE);
  });
  const curves = new Set(["rTRC", "gTRC", "bTRC"].map((tag) => offsets.get(tag))); // often one for all three
  return hasPrimaries && [...curves].every((at) => at !== undefined && isSrgbCurve(curveAt(profile, view, at)));
}

type Curve = (level: number) => number;

function isSrgbCurve(curve: Curve | undefined): boolean {
  if (curve === undefined) return false;
  return LEVELS.every((level, i) => {
    const [least, most] = BOUNDS[i] as readonly [number, number];
    const light = curve(level / 255);
    return light >= least && light <= most;
  });
}

/** The curve from levels to light that stands at a place; undefined where it is cut off or of no known type. */
function curveAt(profile: Uint8Array, view: DataView, at: number): Curve | undefined {
  if (at + 12 > profile.length) return undefined;
  const type = textAt(profile, at);
  if (type === "curv") return tableAt(view, at + 8);
  return type === "para" ? formulaAt(view, at + 8) : undefined;
}

/** ICC.1, 10.6: no entry is a straight line, one a power in 1/256, more are points evenly apart in 1/65535. */
function tableAt(view: DataView, at: number): Curve | undefined {
  const count = view.getUint32(at);
  if (at + 4 + 2 * count > view.byteLength) return undefined;
  if (count === 0) return (level) => level;
  const entry = (i: number): number => view.getUint16(at + 4 + 2 * i);
  if (count === 1) return (level) => level ** (entry(0) / 256);
  return (level) => {
    const place = level * (count - 1);
    const before = Math.min(Math.floor(place), count - 2);
    return (entry(before) + (entry(before + 1) - entry(before)) * (place - before)) / 65535;
  };
}

/** Numbers of the parametric types 0 … 4. */
const PARAMETERS = [1, 3, 4, 5, 7];

/** ICC.1, 10.18: (a·x + b)^g + e from d on, below it c·x + f; the shorter types leave out what is not named. */
function formulaAt(view: DataView, at: number): Curve | undefined {
  const type = view.getUint16(at);
  const count = PARAMETERS[type];
  if (count === undefined || at + 4 + 4 * count > view.byteLength) return undefined;
  const [g = 1, a = 1, b = 0, third = 0, d = 0, e = 0, f = 0] = Array.from({ length: count }, (_, i) => {
    return view.getInt32(at + 4 + 4 * i) / 65536;
  });
  if (type === 0) return (level) => level ** g;
  if (type <= 2) return (level) => (level >= -b / a ? (a * level + b) ** g : 0) + third;
  return (level) => (level >= d ? (a * level + b) ** g + e : third * level + f);
}

function textAt(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at, at + 4)).toString("latin1");
}
