import { expect, test } from "vitest";
import { lacuna } from "../terminal.js";

const recipe = (name: string) => new URL(`../../../recipes/${name}.ts`, import.meta.url).pathname;

test("ViT-B/16: the published numbers, with nothing allocated", async () => {
  const before = process.memoryUsage.rss();
  const { code, out } = await lacuna("plan", recipe("mae-vit-base-16"), "--pictures", "1281167", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    parameters: 111_907_840,
    encoder: { parameters: 85_798_656 },
    learningRate: 2.4e-3,
    stepsPerEpoch: 312,
    steps: 249_600,
    warmupSteps: 12_480,
  });
  expect(JSON.parse(out).encoder.multiplyAdds / 1e9).toBeCloseTo(17.56, 2);
  expect(process.memoryUsage.rss() - before).toBeLessThan(400e6); // its weights alone take 448 MB
});

test("the reference run is that of test/reference: 585 steps, 58 of them warm-up, rate 6e-4", async () => {
  const { out } = await lacuna("plan", recipe("mae-cifar10-reference"), "--pictures", "50000");
  expect(out).toMatch(/learning rate +6e-4 = 0\.0006 × 256 \/ 256/);
  expect(out).toMatch(/steps +585, 195 an epoch, warm-up 58/);
});

test("--minutes: the steps that fit at the predicted pace, with a warm-up of the recipe's share", async () => {
  const parameters = ["plan", recipe("mae-cifar10-reference"), "--pictures", "50000", "--minutes", "10"];
  const { out } = await lacuna(...parameters, "--json");
  const { steps, warmupSteps, forecast, config } = JSON.parse(out);
  expect(steps * forecast.stepSeconds).toBeLessThanOrEqual(600);
  expect((steps + 1) * forecast.stepSeconds).toBeGreaterThan(0.97 * 600);
  expect(config.epochs).toBeCloseTo(steps / 195, 9);
  expect(Math.abs(warmupSteps - (58 / 585) * steps)).toBeLessThanOrEqual(1);
  expect((await lacuna(...parameters)).out).toMatch(
    /in 10 min +[\d,]+ steps, [\d.]+ epochs; the run itself times its own/,
  );
});

test("without its pictures a plan still tells the model's cost, and what is missing", async () => {
  const { code, out } = await lacuna("plan", recipe("mae-vit-base-16"));
  expect(code).toBe(0);
  expect(out).toContain("111,907,840");
  expect(out).toMatch(/steps are not known: .* Or say --pictures <n>\./);
});

test("EMAE in two passes predicts once more, without gradients: a third more work", async () => {
  const total = async (...flags: string[]): Promise<number> => {
    const { out } = await lacuna("plan", recipe("emae-cifar10"), "--pictures", "50000", ...flags);
    return Number(/the whole run +([\d.]+) T multiply-adds/.exec(out)?.[1]);
  };
  expect((await total("--method.twoPass=true")) / (await total())).toBeCloseTo(4 / 3, 2);
});
