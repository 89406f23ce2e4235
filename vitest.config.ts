import { defineConfig } from "vitest/config";
import { machineLimits } from "./src/engine/limits.js";

// Two projects that share no file: a plain `vitest run` runs each test once, `--project smoke` the quick part
// (style: under 30 seconds). A folder belongs to smoke when its tests take a few seconds together.
const quick = ["engine", "formats", "runs", "nn", "optim", "tensor"].map((folder) => `test/${folder}/**/*.test.ts`);
const smoke = [...quick, "page/test/{mask,model,picture,session}/**/*.test.ts"];

const settings = {
  setupFiles: "test/setup.ts",
  // No test waits for so long on a machine of its own: it is for busy ones.
  testTimeout: 300_000,
  hookTimeout: 300_000,
  // Forks run side by side, so each keeps to one thread; set before libtorch is loaded, which reads it then.
  env: { OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1" },
};

export default defineConfig({
  oxc: { target: "node20" }, // Node 20 does not parse `using`
  test: {
    pool: "forks", // worker threads would each load libtorch again into one process
    maxWorkers: Math.min(2, machineLimits().cores),
    reporters: process.env["CI"] ? ["default", ["json", { outputFile: "build/test-report.json" }]] : ["default"],
    projects: [
      { extends: true, test: { ...settings, name: "smoke", include: smoke } },
      {
        extends: true,
        test: { ...settings, name: "full", include: ["{test,page/test}/**/*.test.{ts,mjs}"], exclude: smoke },
      },
    ],
  },
});
