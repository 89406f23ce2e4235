import { expect, test } from "vitest";
import { lacuna, temporaryFolder, tinyRun } from "../terminal.js";

test("a curve for each model, by both measures, on pictures without labels", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 6 });
  const { code, out } = await lacuna("evaluate", "occlusion", run, run, "--data", pictures, "--limit", "5", "--json");
  expect(code).toBe(0);
  const { models, pictures: count } = JSON.parse(out);
  expect(count).toBe(5);
  expect(models).toHaveLength(2);
  expect(models[1]).toEqual(models[0]);
  const [{ found: curve, step }] = models;
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

test("places that find themselves in another view, of the surest ten and of all", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 6 });
  const measure = (...rest: string[]) => lacuna("evaluate", "correspondence", run, "--data", pictures, ...rest);
  const { code, out } = await measure("--json");
  expect(code).toBe(0);
  const { models, pictures: count } = JSON.parse(out);
  expect(count).toBe(12);
  const [{ found }] = models;
  expect(found.places).toBe(16);
  for (const share of [found.surest, found.all]) expect(share >= 0 && share <= 1).toBe(true);
  expect(found.distance).toBeLessThan(24 * Math.SQRT2);
  expect((await measure()).out).toMatch(
    /right +surest +all +by chance +distance of the surest\n.*(?: +[\d.]+ %){3} +[\d.]+ px\n12 pictures, 16 places each\./,
  );
});
