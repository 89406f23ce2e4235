import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lacuna } from "../terminal.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lacuna-profile-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const recipe = new URL("../../../recipes/mae-cifar10-reference.ts", import.meta.url).pathname;
const small = ["--model.width=32", "--model.depth=2", "--model.heads=2", "--data.batchSize=8", "--precision=float32"];

test("times modules and operations, and draws them", async () => {
  const flame = join(folder, "flame.svg");
  const { code, out } = await lacuna("profile", recipe, ...small, "--flame", flame, "--rows", "5");
  expect(code).toBe(0);
  expect(out).toMatch(/One step: .* ms, forward \d+ %, backward \d+ %, other \d+ % \(float32, \d+ threads\)/);
  expect(out).toMatch(/blocks\.\*\.(attn|mlp) +.* ms/);
  expect(out).toMatch(/(aten|lacuna)::\w+ +\d+ /);
  expect(out).toMatch(/Matrix products reach .*FLOP\/s/);
  expect(readFileSync(flame, "utf8")).toContain("backward");
});

test("as JSON: the parts add up to the step", async () => {
  const { code, out } = await lacuna("profile", recipe, ...small, "--json");
  expect(code).toBe(0);
  const { seconds, phases, operations, modules } = JSON.parse(out);
  expect(phases.forward + phases.backward + phases.other).toBeCloseTo(seconds, 6);
  expect(modules[0].path).toBe("");
  expect(operations.map(({ name }: { name: string }) => name)).toContain("aten::_fused_adamw_");
});

test("refuses what is no picture's name before anything runs", async () => {
  const wrong = await lacuna("profile", recipe, "--flame", "flame.png");
  expect(wrong.code).toBe(2);
  expect(wrong.error).toContain("a file that ends in .svg");
});
