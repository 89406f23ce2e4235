import fc from "fast-check";
import { expect } from "vitest";
import { FormatError } from "../../src/formats/errors.js";

/** Bytes that grew out of a good file: bits flipped, cut off, a piece put in, or nothing to do with it at all. */
function hostileBytes(good: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const seed = fc.constantFrom(...good.map((bytes) => Uint8Array.from(bytes)));
  const flipped = fc
    .tuple(seed, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 6 }))
    .map(([bytes, flips]) => {
      const copy = Uint8Array.from(bytes);
      for (const [at, mask] of flips) {
        const position = at % copy.length;
        copy[position] = (copy[position] as number) ^ mask;
      }
      return copy;
    });
  const cut = fc.tuple(seed, fc.nat()).map(([bytes, length]) => bytes.slice(0, length % bytes.length));
  const joined = fc.tuple(seed, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 12 })).map(([bytes, at, piece]) => {
    const position = at % (bytes.length + 1);
    return Uint8Array.from([...bytes.slice(0, position), ...piece, ...bytes.slice(position)]);
  });
  return fc.oneof(flipped, cut, joined, fc.uint8Array({ maxLength: 200 }));
}

/** Runs `parse` on hostile bytes: it may succeed, and otherwise must throw a FormatError and nothing else. */
export function survives(good: readonly Uint8Array[], parse: (bytes: Uint8Array) => unknown, runs = 3000): void {
  fc.assert(
    fc.property(hostileBytes(good), (bytes) => {
      const before = Uint8Array.from(bytes);
      try {
        parse(bytes);
      } catch (error) {
        expect(error, String(error)).toBeInstanceOf(FormatError);
      }
      expect(Buffer.compare(bytes, before)).toBe(0);
    }),
    { numRuns: runs, seed: 7 },
  );
}
