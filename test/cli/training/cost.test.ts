import { expect, test } from "vitest";
import { costRows, costText } from "../../../src/cli/training/cost.js";
import { parseConfig } from "../../../src/public/train.js";

test("the parts of a forward pass: with a decoder its share, without one the encoder on a whole picture", () => {
  const part = (multiplyAdds: number) => ({ parameters: 1, multiplyAdds });
  const cost = {
    parameters: 2,
    trainable: 2,
    multiplyAdds: 9.65e9,
    encoder: part(17.56e9),
    encoderVisible: 4.3e9,
    decoder: part(5.35e9),
    forwardPasses: 1,
    step: 3 * 9.65e9,
  };
  expect(costText(cost)).toBe("9.65 G (encoder 4.30 G, decoder 5.35 G)");
  expect(costText({ ...cost, decoder: part(0) })).toBe("9.65 G (encoder on a whole picture 17.56 G)");
});

test("rows of a run's table", async () => {
  const config = parseConfig({
    model: { name: "vit", size: "base" },
    data: { source: { kind: "folder", path: "none" } },
  });
  expect(await costRows(config)).toEqual([
    ["parameters", "111,907,840 (encoder 85,798,656)"],
    ["multiply-adds", expect.stringMatching(/^9\.\d+ G \(encoder .*\) for one picture's forward pass in training$/)],
  ]);
});
