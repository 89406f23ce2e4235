import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { threads } from "../../../src/engine/modes.js";
import { parseConfig } from "../../../src/train/config.js";
import { commit, lacunaVersion, runId, settleMachine, versions } from "../../../src/train/loop/environment.js";
import { tinyRun } from "../example.js";

test("versions are those in use", () => {
  expect(lacunaVersion()).toBe((JSON.parse(readFileSync("package.json", "utf8")) as { version: string }).version);
  expect(versions().node).toBe(process.versions.node);
  expect(versions().libtorch).toMatch(/^2\.\d+\.\d+/);
});

test("the commit is a hash, with a mark where files differ, or null", () => {
  expect(commit() ?? "0".repeat(40)).toMatch(/^[0-9a-f]{40}\+?$/);
});

test("threads and precision are settled once and repeated on resume", () => {
  const config = parseConfig({ ...tinyRun("photos"), precision: "auto" });
  const machine = settleMachine(config);
  expect(["bfloat16", "float32"]).toContain(machine.precision);
  expect(machine.threads).toBe(threads());
  const again = settleMachine(config, { ...machine, threads: 2, precision: "float32" });
  expect([again.threads, again.precision, threads()]).toEqual([2, "float32", 2]);
  settleMachine(config, machine);
});

test("a device that is not there says what to do", () => {
  expect(() => settleMachine(parseConfig({ ...tinyRun("photos"), device: "tpu" }))).toThrow(
    "expected cpu, cuda or cuda:<number>, got tpu",
  );
});

test("run ids begin with the time and differ by configuration", () => {
  const time = "2026-03-01T12:30:00.000Z";
  expect(runId(time, { a: 1 })).toMatch(/^20260301-123000-[0-9a-f]{6}$/);
  expect(runId(time, { a: 1 })).not.toBe(runId(time, { a: 2 }));
});
