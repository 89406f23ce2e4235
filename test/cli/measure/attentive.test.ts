import { expect, test } from "vitest";
import { lacuna, temporaryFolder, tinyRun } from "../terminal.js";

test("attentive probes of the encoder before and after training, as numbers and as a table", async () => {
  const { run, pictures } = await tinyRun(temporaryFolder(), { perClass: 20 });
  const { code, out } = await lacuna("evaluate", "attentive", run, "--data", pictures, "--epochs", "20", "--json");
  expect(code).toBe(0);
  const { rows, measure, step } = JSON.parse(out);
  expect({ measure, step }).toEqual({ measure: "attentive", step: 5 });
  expect(rows.map(({ name }: { name: string }) => name)).toEqual(["before training", "after 5 steps"]);
  for (const row of rows) {
    expect(row.accuracy).toBeGreaterThan(0.8); // red and blue
    expect(row.choices.map(({ rate }: { rate: number }) => rate)).toEqual([0.4, 0.1, 0.025]);
    expect(row).not.toHaveProperty("right");
  }
  const shown = await lacuna("evaluate", "attentive", run, "--data", pictures, "--epochs", "2");
  expect(shown.out).toMatch(/accuracy +attentive probe +per class +learned +rate\n/);
  expect(shown.out).toMatch(/after 5 steps +[\d.]+ % \([\d.]+–[\d.]+\) +[\d.]+ % +[\d.]+ % +0\.(4|1|025)\n/);
  expect(shown.out).toMatch(/Training (gained|lost) .* points/);
});

test("data is needed", async () => {
  expect(await lacuna("evaluate", "attentive", "run")).toMatchObject({
    code: 2,
    error: expect.stringContaining("--data cifar10"),
  });
});
