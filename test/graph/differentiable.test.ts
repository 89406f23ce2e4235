import { expect, test } from "vitest";
import { enableGrad, noGrad } from "../../src/engine/modes.js";
import { record } from "../../src/engine/record.js";
import { scope } from "../../src/engine/scope.js";
import { differentiableSteps } from "../../src/graph/differentiable.js";
import { empty } from "../../src/tensor/creation.js";

test("what a trainable tensor leads to, up to where the gradient ends", () => {
  scope(() => {
    const [x, frozen, trained] = Array.from({ length: 3 }, () => empty([4, 4], { device: "meta" }));
    if (x === undefined || frozen === undefined || trained === undefined) throw new TypeError("three tensors");
    const { recording } = record(() => {
      const below = x.matmul(frozen); // no
      const above = below.matmul(trained); // yes
      const target = above.detach(); // no
      target.matmul(frozen).add(below); // no, no
      above.sub(target).sum(); // yes, yes
      above.argmax(1); // no
    });
    expect(recording.steps.map(({ op }) => op)).toEqual([
      "matmul",
      "matmul",
      "detach",
      "matmul",
      "add.Tensor",
      "sub.Tensor",
      "sum",
      "argmax",
    ]);
    const found = differentiableSteps(recording.steps, [trained.id]);
    expect(found).toEqual([false, true, false, false, false, true, true, false]);
    expect(differentiableSteps(recording.steps, [])).not.toContain(true);
  });
});

test("what is computed without gradients is not among them, whatever the mode around the recording", () => {
  scope(() => {
    const [x, trained] = [empty([4, 4], { device: "meta" }), empty([4, 4], { device: "meta" })];
    const body = (): void => {
      const target = noGrad(() => {
        enableGrad(() => x.matmul(trained)); // yes
        return x.matmul(trained); // no
      });
      x.matmul(trained).sub(target); // yes, yes
      target.sum(); // no
    };
    for (const { recording } of [record(body), noGrad(() => record(body))])
      expect(differentiableSteps(recording.steps, [trained.id])).toEqual([true, false, true, true, false]);
  });
});
