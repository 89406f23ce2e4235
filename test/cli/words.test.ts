import { expect, test } from "vitest";
import {
  bytes,
  duration,
  figure,
  fitHelp,
  fitParts,
  gainWords,
  percent,
  percentInterval,
  quoted,
  scaled,
  whole,
  wrapped,
} from "../../src/cli/words.js";

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

test("accuracies with what they are uncertain by; a gain within its uncertainty is said to be one", () => {
  expect(percentInterval(0.361, [0.3318, 0.3913])).toBe("36.1 % (33.2–39.1)");
  const gain = (value: number, low: number, high: number) => gainWords({ value, interval: [low, high] });
  expect(gain(0.079, 0.065, 0.093)).toBe("gained 7.9 points (6.5 to 9.3)");
  expect(gain(0.049, -0.036, 0.139)).toBe("gained 4.9 points, which may be chance (−3.6 to 13.9)");
  expect(gain(-0.1, -0.12, -0.08)).toBe("lost 10.0 points (8.0 to 12.0)");
  expect(gain(-0.01, -0.03, 0.01)).toBe("lost 1.0 points, which may be chance (−1.0 to 3.0)");
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

test("long lines are broken between words; commands stay whole, to be copied", () => {
  expect(wrapped("one two three", 20)).toEqual(["one two three"]);
  expect(wrapped("  one two three", 9)).toEqual(["  one two", "    three"]);
  expect(wrapped("one two three", 8, 0)).toEqual(["one two", "three"]);
  expect(wrapped("Saved. Go on with: lacuna resume runs/a --workers 4", 30)).toEqual([
    "Saved. Go on with:",
    "  lacuna resume runs/a --workers 4",
  ]);
  expect(wrapped("  npx lacuna embed a b --out features.npy", 20)).toEqual([
    "  npx lacuna embed a b --out features.npy",
  ]);
  expect(wrapped("pack them (lacuna data pack a --out b) and go on", 20)).toEqual([
    "pack them",
    "  (lacuna data pack a --out b)",
    "  and go on",
  ]);
});

test("help: paragraphs are filled anew, lists and examples keep their lines", () => {
  const line =
    "A paragraph that somebody wrapped by hand at a width of far more than eighty columns, once upon a time, ends";
  const text = `${line}\nhere.\n\nExamples:\n  lacuna a\n  lacuna b\n`;
  const fitted = fitHelp(text, 80).split("\n");
  expect(fitted.slice(0, 2)).toEqual([
    "A paragraph that somebody wrapped by hand at a width of far more than eighty",
    "columns, once upon a time, ends here.",
  ]);
  expect(fitted.slice(2)).toEqual(["", "Examples:", "  lacuna a", "  lacuna b", ""]);
});

test("of parts as many as fit, at least the first", () => {
  expect([fitParts("a · b · c", 9), fitParts("a · b · c", 8), fitParts("abc · d", 2)]).toEqual([
    "a · b · c",
    "a · b",
    "ab",
  ]);
});
