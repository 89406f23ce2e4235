import { expect, test } from "vitest";
import { bytes, duration, figure, percent, quoted, scaled, whole } from "../../src/cli/words.js";

test("durations change their unit where the smaller one becomes long", () => {
  expect([0.4, 89, 91, 3600, 5 * 3600, 72 * 3600, Number.NaN].map(duration)).toEqual([
    "0 s",
    "89 s",
    "2 min",
    "60 min",
    "5.0 h",
    "3.0 days",
    "?",
  ]);
});

test("numbers read as people write them", () => {
  expect(whole(86_567_656)).toBe("86,567,656");
  expect([950, 62_470_000, 17_563_000_000, 2.967e19].map(scaled)).toEqual(["950", "62.47 M", "17.56 G", "29.67 E"]);
  expect([12, 1_500_000_000].map(bytes)).toEqual(["12 B", "1.50 GB"]);
  expect(percent(0.375)).toBe("37.5 %");
  expect([0, 0.65321, 6e-4, 1.23456e-5, 12345, Number.NaN].map(figure)).toEqual([
    "0",
    "0.6532",
    "6e-4",
    "1.23e-5",
    "1.23e+4",
    "NaN",
  ]);
});

test("a path can be typed into a shell", () => {
  expect(quoted("runs/a-1")).toBe("runs/a-1");
  expect(quoted("my photos/it's")).toBe("'my photos/it'\\''s'");
});
