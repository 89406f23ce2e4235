import { expect, test } from "vitest";
import { choosePlan } from "../../../src/plan/defaults/model.js";
import { gpu, survey, twoCores } from "./facts.js";

const planned = (cost: number, machine = twoCores, changes = {}) =>
  choosePlan(survey({ isFiles: false, ...changes }), machine, {}, 2646, () => ({ choices: [], cost }));

test("a method that costs twice as much is half as fast with the same model", () => {
  const [once, twice] = [planned(0.01), planned(0.02)];
  expect(twice.size).toEqual(once.size);
  expect(once.imagesPerSecond / twice.imagesPerSecond).toBeCloseTo(2, 9);
});

test("what is slower gets smaller pictures, then a smaller model, until it ends in time", () => {
  const pixels = [0.1, 1, 10, 100].map((cost) => planned(cost).side);
  expect(pixels).toEqual([...pixels].sort((a, b) => b - a));
  expect(planned(1e6).size.name).toBe("half of tiny"); // nothing ends in time: the fastest
  expect(planned(0.3, gpu, { pictures: 1_300_000 }).size.width).toBeGreaterThan(planned(0.3).size.width);
});

test("the method is told what it would train", () => {
  const { facts, side, patch, size } = planned(1);
  expect(facts).toEqual({
    pictures: 2646,
    shorterSide: 375,
    side,
    channels: 3,
    width: size.width,
    depth: size.depth,
    patches: (side / patch) ** 2,
    device: "cpu",
    cores: 2,
  });
});
