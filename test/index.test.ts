import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

/** Runs a line against the built package in a process of its own. */
function node(code: string): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

test("importing the package does not load libtorch; the first operation does", () => {
  const code = `
    import { readFileSync } from "node:fs";
    const { zeros } = await import("lacuna");
    const mapped = () => readFileSync("/proc/self/maps", "utf8").includes("libtorch_cpu");
    const before = mapped();
    zeros([1]).dispose();
    console.log(before, mapped());`;
  expect(node(code)).toBe("false true");
});

test("what the README uses is exported", () => {
  expect(
    node(
      'const lacuna = await import("lacuna"); console.log(["pretrain", "resume", "loadModel", "defineRun"].every((name) => typeof lacuna[name] === "function"))',
    ),
  ).toBe("true");
});
