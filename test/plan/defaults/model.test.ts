import { expect, test } from "vitest";
import { models } from "../../../src/models/index.js";
import { choosePlan, hoursFor } from "../../../src/plan/defaults/model.js";
import { gpu, planFacts, survey, twoCores } from "./facts.js";

const planned = (cost: number, machine = twoCores, changes = {}) =>
  choosePlan(planFacts({ cost }, { machine, survey: survey({ isFiles: false, ...changes }) }));

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

test("a run of some minutes gets a model that learns something in that time", () => {
  const within = (minutes: number) =>
    choosePlan(planFacts({ cost: 0.3 }, { decided: { minutes }, survey: survey({ isFiles: false }) }));
  const sizes = [1, 60, 600].map((minutes) => within(minutes).imagesPerSecond);
  expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  expect(sizes[0]).toBeGreaterThan(sizes[2] as number);
  expect(hoursFor(twoCores, { minutes: 90 })).toBe(1.5);
  expect(hoursFor(gpu, {})).toBe(6);
});

test("the method is told what it would train", () => {
  const { facts, side, size } = planned(1);
  expect(facts).toEqual({
    pictures: 2646,
    shorterSide: 375,
    side,
    channels: 3,
    width: size.width,
    depth: size.depth,
    patches: size.patches,
    multiplyAdds: size.multiplyAdds,
    device: "cpu",
    cores: 2,
  });
});

test("pictures keep the largest side that the model takes; those that are too small are enlarged", () => {
  const side = (name: string, shorterSide: number, modelSettings = {}) =>
    choosePlan(
      planFacts(
        {},
        { model: models.get(name), survey: survey({ shorterSide, isFiles: false }), decided: { modelSettings } },
      ),
    ).side;
  expect([28, 30, 5].map((px) => side("vit", px))).toEqual([28, 28, 8]);
  expect(side("vit", 30, { patchSize: 7 })).toBe(28);
  expect([47, 28, 5].map((px) => side("convnextV2", px))).toEqual([40, 24, 16]);
  expect(side("convnextV2", 200, { stem: 4 }) % 32).toBe(0);
});
