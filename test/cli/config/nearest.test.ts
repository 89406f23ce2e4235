import { expect, test } from "vitest";
import { nearest } from "../../../src/cli/config/nearest.js";

const keys = ["epochs", "data.batchSize", "data.imageSize", "method.maskRatio", "optim.baseLearningRate"];

test("finds what a misspelt key was meant to be, also by its last part", () => {
  expect(nearest("data.bachSize", keys)).toBe("data.batchSize");
  expect(nearest("batchsize", keys)).toBe("data.batchSize");
  expect(nearest("mask_ratio", keys)).toBe("method.maskRatio");
  expect(nearest("epoch", keys)).toBe("epochs");
});

test("a part of the configuration is meant to be named, unless another word is nearer", () => {
  const deep = ["method.tokenizer.method", "method.name", "model.name"];
  expect(nearest("method", deep)).toBe("method.name");
  expect(nearest("model", deep)).toBe("model.name");
  expect(nearest("method", [...deep, "methods"])).toBe("methods");
});

test("suggests nothing for what is far from all", () => {
  expect(nearest("zzzzzzzz", keys)).toBeUndefined();
  expect(nearest("x", [])).toBeUndefined();
});
