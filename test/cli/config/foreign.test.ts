import { Command } from "commander";
import { expect, test } from "vitest";
import {
  foreignOptions,
  hintSettings,
  loadOptions,
  poolOption,
  readingOptions,
} from "../../../src/cli/config/foreign.js";
import { lacuna } from "../terminal.js";

test("what is said of a model, as the library takes it", () => {
  const command = readingOptions(poolOption(foreignOptions(new Command().exitOverride())));
  const words = "--heads 6 --decoder-heads 3 --image-size 48,96 --mean 0.5,0.4,0.3 --std 1,1,1 --teacher --pool class";
  command.configureOutput({ writeErr: () => {} });
  command.parse([...words.split(" "), "--jpeg", "accurate", "--colour=stored", "--device", "cpu"], { from: "user" });
  expect(loadOptions(command.opts())).toEqual({
    ...{ heads: 6, decoderHeads: 3, imageSize: [48, 96], mean: [0.5, 0.4, 0.3], std: [1, 1, 1], teacher: true },
    ...{ pool: "class", jpeg: "accurate", colour: "stored", device: "cpu" },
  });
  expect(() => command.parse(["--mean", "grey"], { from: "user" })).toThrow("numbers like 0.5,0.5,0.5");
});

test("as settings of a configuration, those that were said alone", () => {
  expect(hintSettings({ heads: 6, teacher: true, mean: undefined }, "fromHints")).toEqual([
    { path: "fromHints.heads", value: 6 },
    { path: "fromHints.teacher", value: true },
  ]);
});

test.each([
  ["embed", true, true],
  ["evaluate knn", true, true],
  ["evaluate linear", true, true],
  ["evaluate few-labels", true, true],
  ["evaluate classifier", false, true],
  ["predict", false, true],
  ["reconstruct", false, true],
  ["export", true, false],
  ["convert", false, false],
  ["pretrain", false, false],
  ["plan", false, false],
  ["finetune", false, false],
  ["evaluate partial", false, false],
])("%s has the same flags by the same names", async (command, pools, reads) => {
  const { out } = await lacuna(...command.split(" "), "--help");
  const flags = ["--heads", "--decoder-heads", "--image-size", "--mean", "--std", "--teacher"];
  for (const flag of flags) expect(out).toContain(`${flag}`);
  expect(out.includes("--pool <how>")).toBe(pools);
  for (const flag of ["--jpeg <how>", "--colour <how>", "--device <name>"]) expect(out.includes(flag)).toBe(reads);
});
