import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadedPlugins, loadPlugins } from "../../../src/cli/config/plugins.js";
import { models } from "../../../src/models/index.js";
import { workFolder } from "../../train/example.js";

const work = workFolder("plugins");
afterAll(work.remove);

test("a program that is named, or that a run among the operands was trained with, adds what it exports", async () => {
  const file = join(work.path, "model.mjs");
  writeFileSync(
    file,
    'import { z } from "zod"; export default { name: "own", config: z.strictObject({ name: z.literal("own") }), build: () => {} };',
  );
  const run = join(work.path, "run");
  mkdirSync(run);
  writeFileSync(join(run, "run.json"), JSON.stringify({ config: { plugins: [file] } }));
  await loadPlugins([], ["inspect", run]);
  expect(models.names()).toContain("own");
  expect(loadedPlugins()).toEqual([file]);
  await loadPlugins([], ["inspect", work.path]); // no run: nothing is loaded
  expect(loadedPlugins()).toEqual([file]);
});

test("a program that defines nothing, and one that is not there", async () => {
  const empty = join(work.path, "empty.mjs");
  writeFileSync(empty, "export const nothing = 1;");
  await expect(loadPlugins([empty], [])).rejects.toThrow("a program that exports a method or a model");
  await expect(loadPlugins([join(work.path, "none.mjs")], [])).rejects.toThrow("no such file");
});
