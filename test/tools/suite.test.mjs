// The suite's own machinery: each test runs once, printing and leaking fail, and CI's last line counts rightly.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { summarize } from "../../.ci/summary.mjs";

const here = process.cwd();
const vitest = join(here, "node_modules", "vitest", "vitest.mjs");

// The inner Vitest must not take itself for a worker of the outer one.
function innerEnvironment() {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|TEST$|NODE_ENV$|CI$|TINYPOOL)/.test(name),
  );
  return { ...Object.fromEntries(inherited), NO_COLOR: "1" };
}

function runVitest(args, cwd = here) {
  return spawnSync(process.execPath, [vitest, ...args], { cwd, encoding: "utf8", env: innerEnvironment() });
}

test("no test file belongs to two projects, and smoke is a part of the whole", () => {
  const listed = (...more) =>
    JSON.parse(runVitest(["list", "--filesOnly", "--json", ...more]).stdout).map(({ file }) => file);
  const all = listed();
  const smoke = listed("--project", "smoke");
  expect(new Set(all).size).toBe(all.length);
  expect(smoke.length).toBeGreaterThan(0);
  expect(smoke.length).toBeLessThan(all.length);
  expect(all).toEqual(expect.arrayContaining(smoke));
});

describe("test/setup.ts", () => {
  let root;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "lacuna-suite-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function outcome(body) {
    const config = { root, include: ["*.test.ts"], setupFiles: join(here, "test/setup.ts") };
    writeFileSync(
      join(root, "vitest.config.mjs"),
      `export default { resolve: { alias: { vitest: ${JSON.stringify(join(here, "node_modules/vitest"))} } },
        oxc: { target: "node20" }, test: ${JSON.stringify(config)} };`,
    );
    writeFileSync(join(root, "a.test.ts"), `import { beforeAll, expect, test } from "vitest";\n${body}`);
    const { status, stdout, stderr } = runVitest(["run", "--config", join(root, "vitest.config.mjs")], root);
    return { status, output: stdout + stderr };
  }

  test("a quiet test passes, with `using`", () => {
    const { status, output } = outcome(`
      import { zeros } from ${JSON.stringify(join(here, "src/tensor/creation.ts"))};
      test("t", () => { using a = zeros([1]); expect(a.item()).toBe(0); });
      test("async", async () => { await using a = zeros([1]); expect(a.item()).toBe(0); });`);
    expect(output).toContain("2 passed");
    expect(status).toBe(0);
  });

  test.each(["log", "warn", "error"])("console.%s fails it", (method) => {
    const { status, output } = outcome(`test("t", () => console.${method}("boo", 7));`);
    expect(output).toContain(`console.${method}: boo 7`);
    expect(output).toContain("a test printed to the console");
    expect(status).toBe(1);
  });

  test("printing outside of tests fails the file", () => {
    const { status, output } = outcome(`beforeAll(() => console.info("early")); test("t", () => expect(1).toBe(1));`);
    expect(output).toContain("console.info: early");
    expect(status).toBe(1);
  });

  test("a tensor left alive fails it", () => {
    const { status, output } = outcome(`
      import { zeros } from ${JSON.stringify(join(here, "src/tensor/creation.ts"))};
      test("t", () => { globalThis.kept = [zeros([1]), zeros([1])]; });`);
    expect(output).toContain("a test left 2 tensors alive (0 before, 2 after)");
    expect(status).toBe(1);
  });
});

describe(".ci/summary.mjs", () => {
  const file = (status, ...tests) => ({ status, assertionResults: tests.map((each) => ({ status: each })) });
  const report = (passed, failed, more = {}) => ({
    numPassedTests: passed,
    numFailedTests: failed,
    testResults: [],
    ...more,
  });

  test.each([
    ["all is well", report(7, 0), 0, 0, "7 passed, 0 failed"],
    ["skipped ones", report(7, 0, { numPendingTests: 2, numTodoTests: 1 }), 0, 0, "7 passed, 0 failed, 3 skipped"],
    ["failed tests", report(5, 2, { testResults: [file("failed", "passed", "failed")] }), 1, 0, "5 passed, 2 failed"],
    ["a file that does not load", report(5, 0, { testResults: [file("failed")] }), 1, 0, "5 passed, 1 failed"],
    ["a failed check", report(7, 0), 0, 1, "7 passed, 1 failed"],
    ["both", report(5, 2), 1, 1, "5 passed, 3 failed"],
    ["an error outside of tests", report(7, 0), 1, 0, "7 passed, 1 failed"],
    ["no report: set-up failed", undefined, 1, 1, "0 passed, 2 failed"],
  ])("%s", (_, json, tests, check, line) => expect(summarize(json, tests, check).line).toBe(line));

  test("the exit status follows", () => {
    const status = (...args) =>
      spawnSync(process.execPath, [join(here, ".ci/summary.mjs"), ...args], { encoding: "utf8" });
    expect(status("/nowhere.json", "1", "0")).toMatchObject({ status: 1, stdout: "0 passed, 1 failed\n" });
  });
});
