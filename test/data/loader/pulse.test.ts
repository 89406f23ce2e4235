import { expect, test } from "vitest";
import { Pulse } from "../../../src/data/loader/pulse.js";

test("the other side of the memory sees what is being done", () => {
  const pulse = new Pulse();
  const seen = new Pulse(pulse.memory);
  expect(seen.read()).toBeUndefined();
  pulse.begin(3, 12, 5, 777);
  expect(seen.read()).toEqual({ begun: 1, ring: 3, ordinal: 12, position: 5, sample: 777 });
  pulse.begin(3, 12, 5, 777);
  expect(seen.read()?.begun).toBe(2);
  pulse.end();
  expect(seen.read()).toBeUndefined();
});
