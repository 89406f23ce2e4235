import fc from "fast-check";
import { expect, test } from "vitest";
import { resampleNatively } from "../../../src/data/resample/native-passes.js";
import { type Plan, resamplePlane } from "../../../src/data/resample/passes.js";
import { weightsOf } from "../../../src/data/resample/weights.js";

const side = fc.integer({ min: 1, max: 40 });

/** A window of a picture, at its very end in memory, and what it becomes; 0 leaves a direction as it is. */
const cases = fc.record({
  ...{ height: side, width: side, margin: fc.integer({ min: 0, max: 5 }), channels: fc.constantFrom(1, 3, 4, 5) },
  ...{ tall: fc.integer({ min: 0, max: 40 }), wide: fc.integer({ min: 0, max: 40 }), verticalFirst: fc.boolean() },
  seed: fc.integer({ min: 1 }),
});

test("gives the bits of the passes in JavaScript, for windows of every shape up to the end of memory", () => {
  fc.assert(
    fc.property(cases, ({ height, width, margin, channels, tall, wide, verticalFirst, seed }) => {
      fc.pre(tall > 0 || wide > 0);
      const rowBytes = (width + margin) * channels;
      const offset = margin * channels;
      const data = new Uint8Array(offset + (height - 1) * rowBytes + width * channels);
      for (let i = 0, word = seed; i < data.length; i++) {
        word = (Math.imul(word, 1103515245) + 12345) | 0;
        data[i] = [0, 255, word >>> 16][(word >>> 8) % 3] as number;
      }
      const plane = { data, offset, rowBytes, height, width, channels };
      const columns = wide > 0 ? weightsOf(width, 0, width, wide) : undefined;
      const rows = tall > 0 ? weightsOf(height, 0, height, tall) : undefined;
      const plan: Plan = { height: tall || height, width: wide || width, columns, rows, verticalFirst };
      expect(resampleNatively(plane, plan)).toEqual(resamplePlane(plane, plan));
    }),
    { seed: 5, numRuns: 400 },
  );
});

test("leaves pictures that shrink more than a thousandfold to others", () => {
  const plane = { data: new Uint8Array(30_000), offset: 0, rowBytes: 30_000, height: 1, width: 10_000, channels: 3 };
  const plan = { height: 1, width: 3, columns: weightsOf(10_000, 0, 10_000, 3), rows: undefined, verticalFirst: false };
  expect(resampleNatively(plane, plan)).toBeUndefined();
});
