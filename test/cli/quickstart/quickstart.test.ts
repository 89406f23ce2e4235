import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { quickstart } from "../../../src/cli/quickstart/quickstart.js";
import { Report } from "../../../src/cli/report.js";
import { temporaryFolder } from "../terminal.js";

// The whole of it takes minutes: it is run as `npm run quickstart`. Here: it says what it is about before it fetches.
test("an unusable cache ends it before anything is trained", async () => {
  const folder = temporaryFolder();
  vi.stubEnv("LACUNA_CACHE", join(folder, "cache"));
  vi.stubEnv("PATH", folder);
  let text = "";
  const stream = { write: (more: string) => (text += more) };
  const report = new Report(false, { out: stream, error: stream });
  try {
    await expect(quickstart(report, { minutes: 5, out: join(folder, "run") })).rejects.toThrow(
      /nothing incomplete was kept/,
    );
  } finally {
    vi.unstubAllEnvs();
  }
  expect(text).toMatch(/^A masked autoencoder on CIFAR-10/);
  expect(text).toContain("fetching the npm package");
});
