import { expect, test } from "vitest";
import { paceText } from "../../../src/cli/training/pace.js";
import { paced } from "../../train/watch/paced.js";

test("what matters most comes first; before the first step there is a word", () => {
  expect(paceText(paced(20))).toBe(
    "80 s left · step 20/100 · epoch 2.00/10 · loss 2.0000 · 128 images/s · 10 % waiting · rate 6e-4",
  );
  expect(paceText(paced(0))).toBe("starting");
});
