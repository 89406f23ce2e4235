/** Groups of pictures that are the same, or nearly. */

/** Bits of 64 by which the hashes of near duplicates may differ, and mean levels of their thumbnails' colours. */
export const NEAR_BITS = 5;
export const NEAR_LEVELS = 6;
/** Below this deviation of the thumbnail (levels) a picture is all but blank, and its hash is noise. */
export const LEAST_CONTRAST = 4;

/** Comparisons after which the search gives up: about ten seconds. Reached only by sets that are nearly all alike. */
const MOST_COMPARISONS = 3e8;

/** Collects what is needed of each picture, 250 bytes apiece, and groups them at the end. */
export class DuplicateSearch {
  readonly #bySha = new Map<string, number[]>();
  readonly #members: Candidate[] = [];

  add(
    index: number,
    picture: { sha256: string; hash: readonly [number, number]; thumbnail: Uint8Array; contrast: number },
  ): void {
    const same = this.#bySha.get(picture.sha256);
    if (same !== undefined) {
      same.push(index);
      return;
    }
    const copies = [index];
    this.#bySha.set(picture.sha256, copies);
    if (picture.contrast < LEAST_CONTRAST) return;
    const [high, low] = picture.hash;
    this.#members.push({ copies, index, high, low, thumbnail: picture.thumbnail });
  }

  /** Groups of files with the same bytes, each in ascending order. */
  exact(): number[][] {
    const groups = [...this.#bySha.values()].filter((group) => group.length > 1);
    return sorted(groups.map((group) => group.sort((a, b) => a - b)));
  }

  /**
   * Groups of pictures that look alike: hashes within NEAR_BITS bits and thumbnails within NEAR_LEVELS levels, joined into
   * groups by chains of such pairs. Of files with the same bytes one stands for all. Mirrored copies are not found.
   */
  near(): { groups: number[][]; complete: boolean } {
    // In a fixed order, and the first of several copies for all, or the answer would depend on who came first.
    for (const member of this.#members) member.index = member.copies.reduce((a, b) => Math.min(a, b));
    const members = this.#members.sort((a, b) => a.index - b.index);
    const parents = Int32Array.from(members, (_, i) => i);
    const root = (i: number): number => {
      let at = i;
      while (parents[at] !== at) {
        parents[at] = parents[parents[at] as number] as number;
        at = parents[at] as number;
      }
      return at;
    };
    const complete = forEachPair(members, (i, j) => {
      const a = root(i);
      const b = root(j);
      if (a === b || !looksAlike(members[i] as Candidate, members[j] as Candidate)) return;
      parents[Math.max(a, b)] = Math.min(a, b);
    });
    const groups = new Map<number, number[]>();
    for (const [i, { index }] of members.entries()) {
      const group = groups.get(root(i));
      if (group === undefined) groups.set(root(i), [index]);
      else group.push(index);
    }
    return { groups: sorted([...groups.values()].filter((group) => group.length > 1)), complete };
  }
}

interface Candidate {
  /** Indices of the files with these bytes. */
  readonly copies: readonly number[];
  index: number;
  readonly high: number;
  readonly low: number;
  readonly thumbnail: Uint8Array;
}

/** Where the 64 bits are cut into NEAR_BITS + 1 bands: hashes that differ in no more bits agree in at least one band. */
const BANDS = Array.from({ length: NEAR_BITS + 1 }, (_, i) => {
  const edge = (k: number) => Math.round((k * 64) / (NEAR_BITS + 1));
  return [edge(i), edge(i + 1)] as const;
});

/** Bits from … to of the 64, as a number; bands are at most 11 bits wide. */
function bandOf({ high, low }: Candidate, [from, to]: readonly [number, number]): number {
  let value = 0;
  for (let bit = from; bit < to; bit++) value = (value << 1) | (((bit < 32 ? high : low) >>> (bit & 31)) & 1);
  return value;
}

/** Calls `visit` for all pairs that agree in a band; false when it gave up. */
function forEachPair(members: readonly Candidate[], visit: (i: number, j: number) => void): boolean {
  let comparisons = 0;
  for (const band of BANDS) {
    const buckets = new Map<number, number[]>();
    for (const [i, member] of members.entries()) {
      const key = bandOf(member, band);
      const bucket = buckets.get(key);
      if (bucket === undefined) buckets.set(key, [i]);
      else bucket.push(i);
    }
    for (const bucket of buckets.values()) {
      for (let a = 0; a < bucket.length; a++) {
        comparisons += bucket.length - a;
        if (comparisons > MOST_COMPARISONS) return false;
        for (let b = a + 1; b < bucket.length; b++) visit(bucket[a] as number, bucket[b] as number);
      }
    }
  }
  return true;
}

function looksAlike(a: Candidate, b: Candidate): boolean {
  if (countBits(a.high ^ b.high) + countBits(a.low ^ b.low) > NEAR_BITS) return false;
  let difference = 0;
  for (const [i, value] of a.thumbnail.entries()) difference += Math.abs(value - (b.thumbnail[i] as number));
  return difference <= NEAR_LEVELS * a.thumbnail.length;
}

/** Warren, "Hacker's Delight", figure 5-2. */
function countBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function sorted(groups: number[][]): number[][] {
  return groups.sort((a, b) => (a[0] as number) - (b[0] as number));
}
