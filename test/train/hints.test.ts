import { expect, test } from "vitest";
import { parseFinetune } from "../../src/finetune/config.js";
import { parseConfig } from "../../src/train/config.js";

const data = { source: { kind: "folder", path: "none" } };

test("hints stand beside the file that they are about, and with a known key", () => {
  const initHints = { heads: 3, imageSize: [48, 96], teacher: true };
  expect(parseConfig({ data, init: "x.pth", initHints }).initHints).toEqual(initHints);
  expect(parseFinetune({ data, from: "x.pth", fromHints: { mean: [0.5, 0.5, 0.5] } }).fromHints).toEqual({
    mean: [0.5, 0.5, 0.5],
  });
  expect(() => parseConfig({ data, initHints })).toThrow("in initHints: expected init beside it");
  expect(() => parseFinetune({ data, fromHints: { teacher: true } })).toThrow("in fromHints: expected from beside it");
  expect(() => parseConfig({ data, init: "x.pth", initHints: { head: 3 } })).toThrow(
    "in initHints: there is no key head.",
  );
});
