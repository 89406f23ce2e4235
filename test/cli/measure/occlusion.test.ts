import { expect, test } from "vitest";
import { lacuna, temporaryFolder, tinyRun } from "../terminal.js";

test("a curve for each model, by both measures, on pictures without labels", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 6 });
  const { code, out } = await lacuna("evaluate", "occlusion", run, run, "--data", pictures, "--limit", "5", "--json");
  expect(code).toBe(0);
  const { curves, pictures: count } = JSON.parse(out);
  expect(count).toBe(5);
  expect(curves).toHaveLength(2);
  expect(curves[1]).toEqual(curves[0]);
  const [{ curve, step }] = curves;
  expect(step).toBe(1);
  expect(curve.map(({ ratio }: { ratio: number }) => ratio)).toEqual([0, 0.25, 0.5, 0.75, 0.9]);
  expect(curve[0].cosine).toBeCloseTo(1, 5);
  expect(curve[0].alignment).toBeCloseTo(1, 5);
  for (const { cosine, alignment } of curve.slice(1)) {
    expect(cosine).toBeLessThan(1);
    expect(alignment).toBeLessThan(1);
  }
});

test("the table has shares across and models down", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 6 });
  const { out } = await lacuna("evaluate", "occlusion", run, "--data", pictures);
  expect(out).toMatch(/patches hidden +0 % +25 % +50 % +75 % +90 %\n/);
  expect(out).toMatch(
    /cosine +1\.000( +[\d.]+){4}\n +alignment +1\.000( +[\d.]+){4}\n12 pictures; 1: features stay as they are\./,
  );
});
