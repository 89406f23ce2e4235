import { expect, test } from "vitest";
import { drawFlame, flameBoxes } from "../../src/plan/flame.js";

const leaf = (name: string, seconds: number) => ({ name, seconds, children: [] });
const root = {
  name: "step",
  seconds: 1,
  children: [{ ...leaf("forward", 0.6), children: [leaf("addmm", 0.4), leaf("tiny", 1e-5)] }, leaf("backward", 0.3)],
};

test("boxes stand side by side in order, below what they are part of; the thinnest are left out", () => {
  expect(flameBoxes(root).map(({ name, from, to, depth, phase }) => [name, from, to, depth, phase])).toEqual([
    ["step", 0, 1000, 0, "step"],
    ["forward", 0, 600, 1, "forward"],
    ["addmm", 0, 400, 2, "forward"],
    ["backward", 600, 900, 1, "backward"],
  ]);
});

test("a name is written where it fits, in short where it nearly does", () => {
  const named = (seconds: number) => flameBoxes({ ...leaf("step", 1), children: [leaf("a_long_name", seconds)] })[1];
  expect(named(0.5)?.label).toBe("a_long_name");
  expect(named(0.04)?.label).toBe("a_long_…");
  expect(named(0.01)?.label).toBe("");
  expect(named(0.01)?.tooltip).toBe("a_long_name: 10.00 ms, 1.0 %");
});

test("the picture has a box and a name for each", async () => {
  const svg = await drawFlame(root, "One step");
  for (const text of ["One step", "forward", "backward", "addmm", "milliseconds"]) expect(svg).toContain(text);
});
