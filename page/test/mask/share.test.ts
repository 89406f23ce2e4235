import fc from "fast-check";
import { expect, test } from "vitest";
import { hashOf, sharedFrom } from "../../src/mask/share.js";

test("what is shared comes back", () => {
  const size = fc.record({ rows: fc.integer({ min: 1, max: 20 }), columns: fc.integer({ min: 1, max: 20 }) });
  const cases = size.chain((grid) =>
    fc.record({
      grid: fc.constant(grid),
      mask: fc.uint8Array({ min: 0, max: 1, minLength: grid.rows * grid.columns, maxLength: grid.rows * grid.columns }),
      example: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
      everywhere: fc.boolean(),
      statistics: fc.constantFrom("true" as const, "interpolated" as const),
    }),
  );
  fc.assert(
    fc.property(cases, ({ grid, ...shared }) => {
      const hash = hashOf(shared, grid);
      expect(hash).toMatch(/^#[\w&=-]+$/);
      expect(sharedFrom(hash, grid, 10)).toEqual(shared);
    }),
    { seed: 1 },
  );
});

test("a written down address is read the same in years", () => {
  const grid = { rows: 2, columns: 5 };
  expect(
    hashOf(
      { mask: Uint8Array.of(1, 0, 1, 1, 1, 1, 1, 1, 1, 0), example: 2, everywhere: true, statistics: "true" },
      grid,
    ),
  ).toBe("#grid=2x5&mask=v4A&example=2&show=prediction");
});

test("any other text is no mask, and never an error", () => {
  const grid = { rows: 4, columns: 4 };
  fc.assert(
    fc.property(fc.string(), fc.string(), (mask, rest) => {
      const found = sharedFrom(`#grid=4x4&mask=${mask}&example=${rest}`, grid, 3);
      expect(found === undefined || found.mask.length === 16).toBe(true);
      sharedFrom(rest, grid, 3);
    }),
    { seed: 1 },
  );
  expect(sharedFrom("#grid=5x5&mask=AAAA", grid, 3)).toBeUndefined();
  expect(sharedFrom("#grid=4x4&mask=AAA&example=7", grid, 3)?.example).toBeUndefined();
});
