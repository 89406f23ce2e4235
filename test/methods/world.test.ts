import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { alone } from "../../src/methods/world.js";
import { full } from "../../src/tensor/creation.js";

test("a world of one is the identity; gradients pass a gathering only where they are asked for", () => {
  scope(() => {
    const rows = full([2, 3], 1).setRequiresGrad(true);
    expect([alone.rank, alone.size]).toEqual([0, 1]);
    expect(alone.gather(rows).requiresGrad).toBe(false);
    expect(alone.gather(rows).shape).toEqual([2, 3]);
    expect(alone.gather(rows, { gradient: true })).toBe(rows);
    expect(alone.mean(rows)).toBe(rows);
  });
});
