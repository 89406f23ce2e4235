import { describe, expect, test } from "vitest";
import { BadDataError, BadSamples } from "../../../src/data/loader/bad-samples.js";

const why = { code: "truncated", reason: "it ends early" } as const;

function account(size: number, maxShare = 0.1, known: number[] = []): BadSamples {
  return new BadSamples(size, maxShare, "/photos", (sample) => `/photos/${sample}.jpg`, known);
}

/** Delivers batch `ordinal` of samples `from` …, of which every `every`-th is bad and replaced by sample 0. */
function deliver(bad: BadSamples, ordinal: number, from: number, count: number, every: number): void {
  const used = Int32Array.from({ length: count }, (_, i) => {
    const sample = from + i;
    if (sample % every !== every - 1) return sample;
    bad.learn(sample, why);
    bad.meet({ ordinal, position: i }, sample);
    return 0;
  });
  bad.deliver(ordinal, used);
}

test("a sample is reported in the first batch delivered, by position, whoever came first", () => {
  const bad = account(100);
  bad.learn(8, why);
  bad.meet({ ordinal: 1, position: 0 }, 8);
  bad.meet({ ordinal: 0, position: 5 }, 9);
  bad.meet({ ordinal: 0, position: 2 }, 8);
  bad.meet({ ordinal: 0, position: 5 }, 3);
  bad.learn(9, why);
  bad.learn(3, { code: "empty", reason: "no bytes" });
  expect(bad.deliver(0, Int32Array.of(1, 2)).map(({ sample }) => sample)).toEqual([8, 9, 3]);
  expect(bad.deliver(1, Int32Array.of(4))).toEqual([]);
  expect(bad.describe(3)).toEqual({ sample: 3, path: "/photos/3.jpg", code: "empty", reason: "no bytes" });
});

test("known samples are not reported", () => {
  const bad = account(100, 0.1, [8]);
  bad.meet({ ordinal: 0, position: 0 }, 8);
  expect(bad.deliver(0, Int32Array.of(1))).toEqual([]);
});

describe("how many are too many", () => {
  test("a share above the limit stops early on, one below it never", () => {
    const high = account(100_000);
    expect(() => {
      for (let i = 0; i < 20; i++) deliver(high, i, i * 64, 64, 5);
    }).toThrow(BadDataError);
    const low = account(10_000);
    for (let i = 0; i < 100; i++) deliver(low, i, i * 100, 100, 11);
  });

  test("a few bad ones at the start of a small folder do not", () => {
    const bad = account(60);
    deliver(bad, 0, 0, 12, 3);
    deliver(bad, 1, 12, 12, 3);
    expect(() => deliver(bad, 2, 24, 12, 3)).toThrow("got 12 bad of 36 tried (33.3 %)");
  });

  test("once everything was tried the limit is exact", () => {
    const share = (maxShare: number) => () => deliver(account(200, maxShare), 0, 0, 200, 10);
    expect(share(0.1)).not.toThrow();
    expect(share(0.099)).toThrow("got 20 bad of 200 tried (10 %)");
  });

  test("more than half of a tiny source", () => {
    const bad = account(5);
    for (const sample of [0, 1]) bad.meet({ ordinal: 0, position: sample }, sample);
    bad.deliver(0, Int32Array.of(2, 3, 4));
    bad.meet({ ordinal: 1, position: 0 }, 2);
    expect(() => bad.deliver(1, Int32Array.of(3))).toThrow("got 3 bad of 5 tried (60 %)");
  });

  test("known ones from before count only when they are met", () => {
    const bad = account(
      1000,
      0.1,
      Array.from({ length: 90 }, (_, i) => i),
    );
    for (let i = 0; i < 9; i++) deliver(bad, i, 100 + i * 100, 100, 50);
  });
});

test("the error's text", () => {
  const bad = account(20);
  for (let sample = 0; sample < 12; sample++) {
    bad.learn(sample, why);
    bad.meet({ ordinal: 0, position: sample }, sample);
  }
  const error = ((): unknown => {
    try {
      return bad.deliver(0, Int32Array.of(13, 14));
    } catch (thrown) {
      return thrown;
    }
  })() as BadDataError;
  const shown = [0, 1, 2, 3, 4].map((sample) => `\n  /photos/${sample}.jpg: truncated: it ends early`).join("");
  expect(error.toString()).toBe(
    "BadDataError in /photos: expected at most 10 % of the pictures to be unusable, got 12 bad of 14 tried (85.7 %). " +
      "Run `lacuna doctor /photos` to list them all, remove or repair them, or raise maxBadShare. " +
      `The first ones:${shown}`,
  );
  expect(error).toMatchObject({ code: "too-many-bad-pictures", path: "/photos", count: 12, share: 12 / 14 });
});
