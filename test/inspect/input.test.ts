import { expect, test } from "vitest";
import { badInput } from "../../src/inspect/input.js";
import type { RunEvent } from "../../src/runs/schema.js";

type Input = Extract<RunEvent, { type: "input" }>;

const well: Input = {
  type: "input",
  step: 0,
  pictures: 64,
  mean: [0.09, 0.08],
  std: [0.97, 0.96],
  flatPictures: 0,
  flatPatches: 0.01,
  seam: 1.2,
};

test.each([
  ["as it should be", {}, undefined, ""],
  ["pixels from 0 to 1 that nobody normalised", { mean: [0.47, 0.45], std: [0.25, 0.26] }, undefined, ""],
  ["drawings on plain paper", { flatPatches: 0.8, flatPictures: 0.1, seam: null }, undefined, ""],
  ["pixels of 0 to 255", { mean: [102, 99], std: [49, 50] }, "normalisation", "Pixels of 0 to 255"],
  ["statistics of 0 to 255", { mean: [-1.8, -1.8], std: [0.0035, 0.004] }, "normalisation", "divide them by 255"],
  ["a mean far off", { mean: [0, -7] }, "normalisation", "other pictures"],
  ["blank pictures", { flatPictures: 1, std: [0, 0], seam: null }, "constant-pictures", "targets without variance"],
  ["shuffled patches", { seam: 4.3 }, "shuffled-patches", "an augmentation or an export"],
  [
    "copies of one picture",
    { same: { share: 1, example: "a/1.png" } },
    "same-pictures",
    "lacuna doctor lists the copies",
  ],
  ["some copies", { same: { share: 0.5, example: "a/1.png" } }, undefined, ""],
  ["wrapped bytes", { wrapped: { share: 0.97, example: "b.png" } }, "wrapped-bytes", "low bytes of 16-bit numbers"],
  ["a stray wrapped picture", { wrapped: { share: 0.03, example: "b.png" } }, undefined, ""],
  ["a channel that is one value everywhere", { std: [0.97, 0] }, undefined, ""],
] as const)("%s", (_, change, suspect, cause) => {
  const evidence: Record<string, number> = {};
  const found = badInput([{ ...well, ...change } as Input], evidence);
  expect(found?.suspect).toBe(suspect);
  expect(found?.causes.join() ?? "").toContain(cause);
  expect(evidence).toHaveProperty("inputStd");
});

test("copies and wrapped bytes are named with their share and a picture", () => {
  const headline = (change: Partial<Input>): string | undefined => badInput([{ ...well, ...change }], {})?.headline;
  expect(headline({ same: { share: 0.969, example: "a/1.png" } })).toBe(
    "There is one picture to learn from: 96.9 % of the pictures looked at show the same as a/1.png.",
  );
  expect(headline({ wrapped: { share: 1, example: "b.png" } })).toContain("in 100 % of the pictures looked at");
});

test("pictures that are nearly black are told from a wrong normalisation by their brightness", () => {
  const usual = { mean: [0.4, 0.4], std: [0.22, 0.22] };
  const black = { ...well, mean: [-1.75, -1.75], std: [0.05, 0.06] };
  const found = badInput([black], {}, usual);
  expect(found?.suspect).toBe("faint-pictures");
  expect(found?.headline).toBe(
    "The pictures are nearly black: their brightness is 1.5 % of white, with a deviation of 1.21 %.",
  );
  expect(badInput([{ ...black, mean: [2.6, 2.6] }], {}, usual)?.headline).toContain("nearly white");
  expect(badInput([black], {})?.suspect).toBe("normalisation"); // brightness is not known
  const wrong = { ...well, mean: [-1.8, -1.8], std: [0.0035, 0.004] };
  expect(badInput([wrong], {}, { mean: [102, 102], std: [56, 56] })?.suspect).toBe("normalisation");
  // A dark set, normalised by its own numbers, is well.
  expect(badInput([well], {}, { mean: [0.02, 0.02], std: [0.03, 0.03] })).toBeUndefined();
});

test("a run of an earlier version says nothing of its input", () => {
  const evidence = {};
  expect(badInput([], evidence)).toBeUndefined();
  expect(evidence).toEqual({});
});
