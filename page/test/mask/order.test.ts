import fc from "fast-check";
import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { maskOf } from "../../../src/methods/parts/masks.js";
import { tensor } from "../../../src/tensor/tensor.js";
import { orderOf } from "../../src/mask/order.js";

test("keep lists the visible patches, restore is what the model's own mask restores by", () => {
  const masks = fc.uint8Array({ min: 0, max: 1, minLength: 1, maxLength: 64 });
  fc.assert(
    fc.property(masks, (mask) => {
      const { keep, restore } = orderOf(mask);
      const hidden = Array.from(mask.keys()).filter((cell) => mask[cell] === 1);
      const ids = BigInt64Array.from([...keep, ...hidden.map(BigInt)]);
      const theirs = scope(() => maskOf(tensor(ids, [1, ids.length]), keep.length).restore.toArray());
      expect(Array.from(keep, Number).every((cell) => mask[cell] === 0)).toBe(true);
      expect(Array.from(restore)).toEqual(Array.from(theirs as BigInt64Array));
    }),
    { numRuns: 60, seed: 1 },
  );
});
