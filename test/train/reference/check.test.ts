import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { SafetensorsFile } from "../../../src/formats/safetensors.js";
import { methods } from "../../../src/methods/index.js";
import { checkReference } from "../../../src/train/reference/check.js";
import { type Change, changed, referencePath } from "./changed.js";

test("the official MAE code's losses, predictions, latents, gradients and five optimiser steps", () => {
  const parts = checkReference(referencePath("mae-small"));
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

/** Files of official code whose method and model are in the lists. */
function recorded(): string[] {
  const names = readdirSync(fileURLToPath(new URL("../../reference", import.meta.url)));
  return names.flatMap((name) => {
    if (!name.endsWith(".safetensors")) return [];
    const path = referencePath(name.replace(".safetensors", ""));
    using file = SafetensorsFile.open(path);
    const method = JSON.parse(file.metadata?.["config"] ?? "{}").method?.name;
    return file.metadata?.["official"] !== undefined && methods.names().includes(method) ? [name] : [];
  });
}

test("there are files of more than one method", () => {
  expect(recorded()).toEqual(
    expect.arrayContaining(["mae-deep.safetensors", "supmae-class.safetensors", "supmae-mean.safetensors"]),
  );
});

test.each(recorded())("%s agrees in every part", (name) => {
  const parts = checkReference(referencePath(name.replace(".safetensors", "")));
  expect(parts.filter(({ passed }) => !passed)).toEqual([]);
  const labels = parts.map(({ part }) => part.replace(/ after .*| of .*/, ""));
  expect(labels).toEqual(expect.arrayContaining(["loss", "gradients", "losses", "parameters"]));
});

const failing = (path: string): string[] => checkReference(path).flatMap(({ part, passed }) => (passed ? [] : [part]));
const steps = "parameters after three steps";

describe("is not satisfied where the other side", () => {
  const losses = "losses of three steps";
  const cases: [what: string, change: Change, parts: string[]][] = [
    ["decays its weights less", { config: ['"weightDecay": 0.05', '"weightDecay": 0.02'] }, [losses, steps]],
    ["takes a longer last step", { config: ["0.003]", "0.0033]"] }, [steps]],
    ["has another β₂", { config: ["[0.9, 0.95]", "[0.9, 0.96]"] }, [losses, steps]],
    [
      "weighs the classes more",
      { config: ['"classWeight": 0.3', '"classWeight": 0.31'] },
      ["loss", "parts", "gradients", losses, steps],
    ],
    ["lacks a gradient", { without: "grad/cls_head.bias" }, ["gradients"]],
    ["lacks a tensor after the steps", { without: "after/norm.bias" }, [steps]],
    [
      "has a vector that was decayed",
      { tensor: ["after/norm.weight", (v) => v.set(v.map((x) => x * 0.999))] },
      [steps],
    ],
  ];
  test.each(cases)("%s", (_, change, parts) => {
    expect(failing(changed("supmae-class", change))).toEqual(parts);
  });
});

test("batch statistics that differ are found", () => {
  const path = changed("supmae-mean", { tensor: ["after/cls_head.1.running_var", (values) => values.fill(1, 3, 4)] });
  expect(failing(path)).toEqual(["buffers after three steps"]);
});

describe("a file that does not say how far off a number may be", () => {
  const parameters = (path: string) => checkReference(path).find(({ part }) => part === steps);

  test("is compared by what rounding does here", () => {
    const said = parameters(referencePath("supmae-mean"));
    const found = parameters(changed("supmae-mean", { without: "tolerance" }));
    expect(found?.passed).toBe(true);
    // Two measurements of one thing: the official code's by float64, ours by moved weights.
    expect(found?.tolerance).toBeGreaterThan((said?.tolerance ?? 0) / 10);
    expect(found?.tolerance).toBeLessThan((said?.tolerance ?? 0) * 10);
  });

  test("is not agreed with because of that", () => {
    const path = changed("supmae-mean", {
      without: "tolerance",
      config: ["[0.9, 0.95]", "[0.8, 0.95]"],
    });
    expect(parameters(path)?.passed).toBe(false);
  });
});
