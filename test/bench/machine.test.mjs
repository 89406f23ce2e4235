import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { cpuTicks, machineTicks, speedSettings, statusBytes } from "../../bench/machine.mjs";

test("fields of /proc/<pid>/status", () => {
  const text = "Name:\tnode\nVmPeak:\t  999 kB\nVmHWM:\t  1024 kB\nVmRSS:\t   512 kB\n";
  expect(statusBytes(text, "VmHWM")).toBe(1024 * 1024);
  expect(statusBytes(text, "VmRSS")).toBe(512 * 1024);
  expect(statusBytes(text, "VmSwap")).toBeUndefined();
});

test("the real file has them, and the peak is no lower than the present", () => {
  const text = readFileSync("/proc/self/status", "utf8");
  expect(statusBytes(text, "VmHWM")).toBeGreaterThanOrEqual(statusBytes(text, "VmRSS"));
});

// proc(5): fields 14 and 15 are utime and stime; the name, field 2, may hold anything.
test("ticks of a process, whatever it is called", () => {
  const text = "42 (a) b (c) R 1 1 1 0 -1 4194304 100 0 0 0 70 30 0 0 20 0 11 0 5 1000 10";
  expect(cpuTicks(text)).toBe(100);
});

test("ticks of the machine: disk waits are idle, guests are counted once", () => {
  const text = "cpu  100 10 50 800 40 5 3 2 60 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
  expect(machineTicks(text)).toEqual({ busy: 170, all: 1010 });
});

test("settings that change speed are named, others not", () => {
  expect(speedSettings({ OMP_WAIT_POLICY: "PASSIVE", LD_PRELOAD: "x.so", HOME: "/h", OMPX: "1" })).toEqual({
    OMP_WAIT_POLICY: "PASSIVE",
    LD_PRELOAD: "x.so",
  });
});
