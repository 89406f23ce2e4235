import { Command } from "commander";
import { expect, test } from "vitest";
import { checkLength, minutesOption } from "../../../src/cli/config/minutes.js";

test("a number of minutes above zero", () => {
  const parse = (...words: string[]) =>
    minutesOption(new Command().exitOverride().configureOutput({ writeErr: () => {} }))
      .parse(words, { from: "user" })
      .opts()["minutes"];
  expect([parse("--minutes", "10"), parse("--minutes=0.5"), parse()]).toEqual([10, 0.5, undefined]);
  expect(() => parse("--minutes", "0")).toThrow("above 0");
});

test("two lengths are one too many", () => {
  const said = (path: string) => [
    { path: "seed", value: 1 },
    { path, value: 3 },
  ];
  expect(() => checkLength(10, said("epochs"))).toThrow(
    "in --epochs: expected one length of the run, got --minutes 10 beside it. Say one of them.",
  );
  expect(() => checkLength(10, said("optim.warmupEpochs"))).toThrow("keeps its share of the run");
  expect(() => checkLength(10, said("data.batchSize"))).not.toThrow();
  expect(() => checkLength(undefined, said("epochs"))).not.toThrow();
});
