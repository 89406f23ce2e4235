import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { checkReference } from "../../src/train/check-reference.js";

const file = fileURLToPath(new URL("../reference/mae-small.safetensors", import.meta.url));

test("the official MAE code's losses, predictions, latents, gradients and five optimiser steps", () => {
  const parts = checkReference(file);
  expect(parts.map(({ part }) => part)).toEqual([
    "mask",
    "latent",
    "prediction.0",
    "loss.0",
    "gradients.0",
    "prediction.1",
    "loss.1",
    "gradients.1",
    "losses of five steps",
    "parameters after five steps",
  ]);
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  expect(parts.find(({ part }) => part === "gradients.0")?.tensors).toBeGreaterThan(40);
});
