import { describe, expect, test } from "vitest";
import { onlyOperand, parseFlags } from "../../../src/cli/config/flags.js";
import { runConfigKeys } from "../../../src/cli/config/resolve.js";

const keys = await runConfigKeys();
const read = (...tokens: string[]) => parseFlags(tokens, keys, ["out", "overwrite"]);
const values = (...tokens: string[]) => read(...tokens).settings.map(({ value }) => value);

test("one operand, neither none nor several, and of its kind", () => {
  const kind = {
    expected: "one recipe",
    example: "lacuna pretrain a.ts",
    accepts: (text: string) => text.endsWith(".ts"),
  };
  expect(onlyOperand(["b.ts"], kind)).toBe("b.ts");
  expect(() => onlyOperand([], kind)).toThrow(/expected one recipe, got none. For example: lacuna pretrain a.ts/);
  expect(() => onlyOperand(["b.ts", "c.ts"], kind)).toThrow(/got b.ts c.ts/);
  expect(() => onlyOperand(["photos"], kind)).toThrow(/got photos/);
  expect(() => onlyOperand(["0.tar", "1.TAR"], kind)).toThrow(
    /one name for all archives, got 0\.tar 1\.TAR\. Give their folder, or a pattern in quotes: "shards\/\*\.tar"/,
  );
  expect(onlyOperand(["photos"], { expected: "pictures", example: "" })).toBe("photos");
});

describe("parseFlags", () => {
  test("reads values as the schema types them", () => {
    expect(values("--epochs=0.5", "--data.batchSize=64", "--checkpointing=true")).toEqual([0.5, 64, true]);
    expect(values("--data.workers=auto", "--data.workers=3", "--method.mask=grid")).toEqual(["auto", 3, "grid"]);
    expect(values("--data.imageSize=[64,96]", "--data.mean=[0.5,0.5,0.5]")).toEqual([
      [64, 96],
      [0.5, 0.5, 0.5],
    ]);
  });

  test("a value that looks like a number stays text where text is wanted", () => {
    expect(values("--data.source.path=2024", "--device=cuda:1")).toEqual(["2024", "cuda:1"]);
  });

  test("flag and value may be two words; a boolean may stand alone", () => {
    const flags = read("--epochs", "3", "photos", "--checkpointing", "--device", "cpu");
    expect(flags.operands).toEqual(["photos"]);
    expect(flags.settings.map(({ path, value }) => [path, value])).toEqual([
      ["epochs", 3],
      ["checkpointing", true],
      ["device", "cpu"],
    ]);
    expect(values("--checkpointing", "false")).toEqual([false]);
  });

  test("a misspelt flag is refused with the nearest key or option", () => {
    expect(() => read("--data.bachSize=3")).toThrow(/in --data\.bachSize: .* Did you mean --data\.batchSize\?/);
    expect(() => read("--overwite")).toThrow(/Did you mean --overwrite\?/);
    expect(() => read("--zzzzzzzzz=1")).toThrow(/neither\. See: lacuna pretrain --help-config$/);
  });

  test("a value of another type is refused: where, what was expected, what came, what to do", () => {
    expect(() => read("--data.batchSize=many")).toThrow(
      'in --data.batchSize: expected whole number above 0, got "many". Write --data.batchSize=256',
    );
    expect(() => read("--method.mask=blok")).toThrow(/got "blok"\. Did you mean block\?/);
    expect(() => read("--data.batchSize=1.5")).toThrow(/expected whole number/);
    expect(() => read("--epochs")).toThrow(/got nothing/);
  });
});
