import { expect, test } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { Vit, vitConfig } from "../../src/models/vit.js";
import { loadState } from "../../src/models/weights.js";
import { DropPath, dropPathRates } from "../../src/nn/drop-path.js";
import { ones } from "../../src/tensor/creation.js";
import { backward } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import { atRandomPlace, withRandom } from "../../src/tensor/step-random.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { relativeDifference, withReference } from "../numbers.js";

/** Keys that give recorded draws: below the probability of keeping where a sample was kept. */
class Recorded extends Rng {
  constructor(
    private readonly rows: readonly (readonly number[])[],
    private readonly row = 0,
  ) {
    super(0, "", 0, rows[0]?.map((_, i) => i) ?? []);
  }
  override fork(purpose: string): Rng {
    return new Recorded(this.rows, Number(purpose.split("/")[1]));
  }
  override uniform(): Tensor {
    const kept = this.rows[this.row] as readonly number[];
    return tensor(
      Float32Array.from(kept, (k) => 1 - k),
      [kept.length, 1],
    );
  }
}

function rowsOf(draws: Tensor): number[][] {
  const [rows = 0, width = 0] = draws.shape;
  const flat = draws.toNumbers();
  return Array.from({ length: rows }, (_, i) => flat.slice(i * width, (i + 1) * width));
}

test.each([false, true])("timm's ViT with the same draws: tokens and gradients, checkpointed %s", (checkpointing) => {
  withReference("drop-path.safetensors", (read, file) => {
    const { depth, embed_dim, num_heads, patch_size, drop_path_rate } = JSON.parse(file.metadata?.["config"] ?? "");
    const config = { width: embed_dim, depth, heads: num_heads, patchSize: patch_size, dropPath: drop_path_rate };
    using vit = new Vit(vitConfig.parse(config), { imageSize: [8, 8], channels: 3 });
    const rates = JSON.parse(file.metadata?.["rates"] ?? "") as number[];
    for (const [i, { dropPath1, dropPath2 }] of vit.blocks.links.entries()) {
      expect(dropPath1.rate).toBeCloseTo(rates[i] as number, 6);
      expect(dropPath2.rate).toBeCloseTo(rates[i] as number, 6);
    }
    const names = file.names.filter((name) => name.startsWith("weight/"));
    const weights = { path: file.path, names, entry: (n: string) => file.entry(n), read: (n: string) => file.read(n) };
    loadState(vit.state(), weights, { prefix: "weight/" });
    vit.setTraining(true);
    vit.blocks.checkpointing = checkpointing;
    scope(() => {
      const rows = rowsOf(read("draws"));
      expect(rows.flat()).toContain(0);
      const tokens = withRandom(new Recorded(rows), () => vit.call(read("image")));
      expect(relativeDifference(tokens, read("tokens"))).toBeLessThan(1e-5);
      backward(tokens.mul(read("weighting")).sum()); // outside withRandom, as in training: segments go back to their place
      const state = vit.state();
      const graded = file.names.filter((name) => name.startsWith("grad/"));
      expect(graded.length).toBeGreaterThan(4);
      for (const name of graded) {
        const parameter = state.get(name.slice("grad/".length));
        expect(relativeDifference(parameter?.grad as Tensor, read(name)), name).toBeLessThan(1e-4);
      }
      for (const parameter of state.values()) parameter.grad = undefined;
    });
  });
});

test("a sample's draw depends on its key alone; views of a batch and later calls are drawn for apart", () => {
  using drop = new DropPath(0.5);
  drop.setTraining(true);
  const factors = (samples: number[], views = 1, calls = 1): number[][] =>
    scope(() =>
      withRandom(new Rng(3, "step", 1, samples), () =>
        Array.from({ length: calls }, () => drop.call(ones([views * samples.length, 1])).toNumbers()),
      ),
    );
  const many = Array.from({ length: 512 }, (_, i) => i);
  const [first = [], second = []] = factors(many, 1, 2);
  expect(new Set(first)).toEqual(new Set([0, 2]));
  const mean = first.reduce((a, b) => a + b, 0) / first.length;
  expect(Math.abs(mean - 1)).toBeLessThan(0.15); // 3.4 standard deviations
  expect(second).not.toEqual(first);
  expect(factors([7, 5])[0]).toEqual([first[7], first[5]]);
  const [views = []] = factors(many, 2);
  expect(views.slice(0, 512)).not.toEqual(views.slice(512));
});

test("evaluation and rate 0 change nothing and draw nothing; training without keys and wrong rates are refused", () => {
  using drop = new DropPath(0.9);
  scope(() => {
    expect(drop.call(ones([2, 3])).toNumbers()).toEqual([1, 1, 1, 1, 1, 1]);
    drop.setTraining(true);
    expect(() => drop.call(ones([2, 3]))).toThrow(
      "dropPath needs random numbers, and nobody said from which keys. Run the model inside withRandom",
    );
    expect(() => withRandom(new Rng(0, "", 0, [1, 2]), () => drop.call(ones([3, 1])))).toThrow(
      "drop path draws for 2 samples, the batch has 3 rows.",
    );
    using never = new DropPath(0);
    never.setTraining(true);
    expect(atRandomPlace(undefined, () => never.call(ones([2])).toNumbers())).toEqual([1, 1]);
  });
  expect(() => new DropPath(1)).toThrow("drop path: expected a number from 0 to below 1, got 1.");
});

test("rates grow linearly from 0 to the largest; one block has 0 (timm)", () => {
  expect(dropPathRates(0.2, 5)).toEqual([0, 0.05, 0.1, 0.15000000000000002, 0.2]);
  expect(dropPathRates(0.2, 1)).toEqual([0]);
});
