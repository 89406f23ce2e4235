import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { machineRates, quicker } from "../../src/plan/machine.js";

test("rates are numbers that a machine can have, measured once and kept until they are asked for again", () => {
  const cache = mkdtempSync(join(tmpdir(), "lacuna-rates-"));
  vi.stubEnv("LACUNA_CACHE", cache);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(cache, { recursive: true });
  });
  const key = { cpu: "A CPU @ 2 GHz", threads: 1, precision: "float32", device: "cpu" } as const;
  const rates = machineRates(key);
  for (const { rate } of [...rates.products, ...rates.attention]) {
    expect(rate).toBeGreaterThan(1e6);
    expect(rate).toBeLessThan(1e14);
  }
  for (const time of [...Object.values(rates.elements), rates.optimizer]) {
    expect(time).toBeGreaterThan(1e-13);
    expect(time).toBeLessThan(1e-5);
  }
  expect(rates.overhead).toBeLessThan(1e-2);
  const [file = ""] = readdirSync(join(cache, "rates"));
  expect(file).toMatch(/^A-CPU-2-GHz-1-float32-cpu-.*\.json$/);
  const path = join(cache, "rates", file);
  const marked = { ...JSON.parse(readFileSync(path, "utf8")), overhead: 0.125, load: 0 };
  writeFileSync(path, JSON.stringify(marked));
  expect(machineRates(key).overhead).toBe(0.125);
  writeFileSync(path, "cut sh");
  expect(machineRates(key).products).toHaveLength(4); // measured again
});

test("of two measurements the quicker counts, one by one", () => {
  const measured = (product: number, attention: number, gelu: number, overhead: number) => ({
    products: [{ width: 8, rate: product }],
    attention: [{ width: 17, rate: attention }],
    elements: { gelu },
    overhead,
    optimizer: 1,
  });
  const [one, two] = [measured(5, 1, 3, 2), measured(4, 2, 2, 3)];
  expect(quicker(one, two)).toEqual(measured(5, 2, 2, 2));
  expect(quicker(two, one)).toEqual(measured(5, 2, 2, 2));
});
