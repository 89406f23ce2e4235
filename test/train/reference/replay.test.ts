import { expect, test } from "vitest";
import { CheckpointError } from "../../../src/engine/errors.js";
import { scope } from "../../../src/engine/scope.js";
import { SafetensorsFile } from "../../../src/formats/safetensors.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { type Recorded, recordedIn } from "../../../src/train/reference/recorded.js";
import { firstNumbers, stepNumbers } from "../../../src/train/reference/replay.js";
import { relativeDifference } from "../../numbers.js";
import { changed, referencePath } from "./changed.js";

function withRecord(path: string, body: (recorded: Recorded) => void): void {
  using file = SafetensorsFile.open(path);
  scope(() => body(recordedIn(file)[0] as Recorded));
}

test("the first step: mask, latent, prediction, loss with its parts, gradients", () => {
  withRecord(referencePath("supmae-mean"), (recorded) => {
    const numbers = firstNumbers(recorded);
    for (const name of ["out/mask", "out/latent", "out/pred", "loss", "part/reconstruction", "part/classification"])
      expect(relativeDifference(numbers.get(name) as Tensor, recorded.read(name)), name).toBeLessThan(1e-5);
    const names = [...numbers.keys()].filter((name) => name.startsWith("grad/")).map((name) => name.slice(5));
    expect(names.sort()).toEqual(recorded.below("grad/").sort());
  });
});

test("all steps: their losses and the state after the last, batch statistics too", () => {
  withRecord(referencePath("supmae-mean"), (recorded) => {
    const numbers = stepNumbers(recorded);
    for (const name of ["steps.loss", "after/cls_head.1.running_var", "after/cls_head.3.weight", "after/pos_embed"])
      expect(relativeDifference(numbers.get(name) as Tensor, recorded.read(name)), name).toBeLessThan(1e-4);
  });
});

test("weights that were nudged give nearly the same, and another nudge something else", () => {
  withRecord(referencePath("supmae-mean"), (recorded) => {
    const gradient = (nudge: number): Tensor =>
      firstNumbers(recorded, nudge).get("grad/blocks.0.mlp.fc1.weight") as Tensor;
    const [plain, first, second] = [gradient(0), gradient(1), gradient(2)] as const;
    expect(relativeDifference(gradient(0), plain)).toBe(0);
    for (const [a, b] of [
      [first, plain],
      [second, plain],
      [first, second],
    ] as const) {
      expect(relativeDifference(a, b)).toBeGreaterThan(1e-8);
      expect(relativeDifference(a, b)).toBeLessThan(1e-5);
    }
  });
});

test("a file that lacks a weight is refused", () => {
  withRecord(changed("supmae-mean", { without: "weight/norm.bias" }), (recorded) => {
    expect(() => firstNumbers(recorded)).toThrow(CheckpointError);
    expect(() => firstNumbers(recorded)).toThrow("1 tensors missing (norm.bias)");
  });
});
