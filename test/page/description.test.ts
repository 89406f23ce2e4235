import { expect, test } from "vitest";
import { pageDescription } from "../../src/page/description.js";
import { exampleDescription } from "./example.js";

test("a description passes as it is", () => {
  expect(pageDescription.parse(exampleDescription)).toEqual(exampleDescription);
});

test.each([
  ["model.file", { model: { ...exampleDescription.model, file: "../model.onnx" } }],
  ["model.file", { model: { ...exampleDescription.model, file: "/etc/passwd" } }],
  ["examples.0.file", { examples: [{ file: "https://elsewhere/0.png", name: "x" }] }],
  ["image.channels", { image: { height: 8, width: 8, channels: 4 } }],
  ["mask.ratio", { mask: { ratio: 1, kind: "random" } }],
  ["", { colour: "red" }],
])("a wrong one says where: %s", (path, change) => {
  const result = pageDescription.safeParse({ ...exampleDescription, ...change });
  expect(result.error?.issues[0]?.path.join(".")).toBe(path);
});
