import { expect, test } from "vitest";
import { KeyedRandom } from "../../../src/data/random.js";
import { type Changes, drawJitter, jitter } from "../../../src/data/transform/color-jitter.js";
import { transformStepSchema } from "../../../src/data/views.js";
import { digest, inputOf, numbers } from "./augment-numbers.js";

test("torchvision's changes in the same order, every byte", () => {
  for (const stored of numbers.jitters) {
    const changes = stored.changes.map(([property, amount]) => ({ property, amount })) as unknown as Changes;
    expect(digest(jitter(inputOf(stored), changes)), JSON.stringify(changes)).toBe(stored.sha256);
  }
});

const stepOf = (strengths: object) => {
  const step = transformStepSchema.parse({ type: "colorJitter", ...strengths });
  if (step.type !== "colorJitter") throw new Error("another step");
  return step;
};
const keyed = (sample: number): KeyedRandom => new KeyedRandom({ seed: 1, purpose: "view:image", epoch: 0, sample });

test("all 24 orders about as often, amounts uniform in torchvision's ranges", () => {
  const step = stepOf({ brightness: 0.4, contrast: 0.4, saturation: 1.5, hue: 0.1 });
  const drawn = Array.from({ length: 2400 }, (_, i) => drawJitter(step, keyed(i)));
  const orders = new Map<string, number>();
  for (const changes of drawn) {
    const order = changes.map(({ property }) => property).join(" ");
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  expect(orders.size).toBe(24);
  for (const count of orders.values()) expect(Math.abs(count - 100)).toBeLessThan(50); // the deviation is 9.8
  const ranges = { brightness: [0.6, 1.4], contrast: [0.6, 1.4], saturation: [0, 2.5], hue: [-0.1, 0.1] };
  for (const [name, [low = 0, high = 0]] of Object.entries(ranges)) {
    const amounts = drawn.map((changes) => changes.find(({ property }) => property === name)?.amount ?? Number.NaN);
    expect(Math.min(...amounts)).toBeGreaterThanOrEqual(low);
    expect(Math.max(...amounts)).toBeLessThan(high);
    const mean = amounts.reduce((a, b) => a + b) / amounts.length;
    expect(Math.abs(mean - (low + high) / 2) / (high - low)).toBeLessThan(0.03); // the deviation is 0.006
  }
});

test("what has no strength is left out, and changes no other draw", () => {
  const whole = drawJitter(stepOf({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }), keyed(5));
  const some = drawJitter(stepOf({ contrast: 0.4, hue: 0.1 }), keyed(5));
  expect(some).toEqual(whole.filter(({ property }) => property === "contrast" || property === "hue"));
});
