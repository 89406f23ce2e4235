import { afterEach, expect, test, vi } from "vitest";
import { listenForSignals } from "../../../src/cli/training/signals.js";

afterEach(() => vi.useRealTimers());

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("%s aborts once, with its own exit code; a second one within a second is the same", (name, code) => {
  vi.useFakeTimers();
  const before = process.listenerCount(name);
  const told = vi.fn();
  using interruption = listenForSignals(told, () => true);
  expect(interruption.exitCode).toBeUndefined();
  process.emit(name);
  process.emit(name); // npm passes a terminal's Ctrl-C on
  expect(interruption.signal.aborted).toBe(true);
  expect(interruption.exitCode).toBe(code);
  expect(told).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1001);
  expect(process.listenerCount(name)).toBe(before); // the system's own handling is back: the next one ends at once
});

test("a hang-up without a terminal, as below nohup, stops nothing", () => {
  const told = vi.fn();
  using interruption = listenForSignals(told, () => false);
  process.emit("SIGHUP");
  expect([interruption.signal.aborted, interruption.exitCode]).toEqual([false, undefined]);
  process.emit("SIGTERM");
  expect([interruption.signal.aborted, interruption.exitCode]).toEqual([true, 143]);
});

test("listens no longer than it is used", () => {
  const before = process.listenerCount("SIGINT");
  {
    using _ = listenForSignals(() => {});
    expect(process.listenerCount("SIGINT")).toBe(before + 1);
  }
  expect(process.listenerCount("SIGINT")).toBe(before);
});
