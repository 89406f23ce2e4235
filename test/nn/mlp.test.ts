import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { Mlp } from "../../src/nn/mlp.js";
import { Rng } from "../../src/tensor/random.js";
import { tensor } from "../../src/tensor/tensor.js";

test("the exact GELU stands between the layers: Φ(1) = 0.8413447", () => {
  using mlp = new Mlp(1, 1);
  mlp.initialize(new Rng(0, "init"));
  mlp.fc1.weight.setBytes(new Float32Array([1]));
  mlp.fc2.weight.setBytes(new Float32Array([1]));
  scope(() => {
    const y = mlp.call(tensor(new Float32Array([1, -1, 0]), [3, 1])).toNumbers();
    expect(y[0]).toBeCloseTo(0.8413447, 6);
    expect(y[1]).toBeCloseTo(-0.1586553, 6);
    expect(y[2]).toBe(0);
  });
});
