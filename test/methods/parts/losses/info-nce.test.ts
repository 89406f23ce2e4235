import { describe, expect, test } from "vitest";
import { autocast } from "../../../../src/engine/modes.js";
import { scope } from "../../../../src/engine/scope.js";
import { infoNce, ntXent, patchNce } from "../../../../src/methods/parts/losses/info-nce.js";
import { alone, type World } from "../../../../src/methods/world.js";
import { cat, eye } from "../../../../src/tensor/creation.js";
import { normalize } from "../../../../src/tensor/functional.js";
import { backward } from "../../../../src/tensor/grad.js";
import { Rng } from "../../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../../src/tensor/tensor.js";

/** X[i][j] = sin(0.7 i + 1.3 j (1 + 0.1 i) + φ), 4 × 8 */
const sines = (phase: number): Tensor =>
  tensor(
    Float32Array.from({ length: 32 }, (_, n) => {
      const [i, j] = [Math.floor(n / 8), n % 8];
      return Math.sin(0.7 * i + 1.3 * j * (1 + 0.1 * i) + phase);
    }),
    [4, 8],
  );
const noise = (name: string, n: number): Tensor =>
  new Rng(
    5,
    name,
    0,
    Array.from({ length: n }, (_, i) => i),
  ).normal([256]);
const loss = (q: Tensor, k: Tensor, temperature: number): number =>
  infoNce(q, k, { temperature, world: alone }).loss.item();

test.each([
  [0.2, 0.62451, 0.051187],
  [1, 2.22384, 1.577363],
])("values of the official contrastive_loss at τ = %d", (temperature, first, second) => {
  scope(() => {
    expect(loss(sines(0), sines(1), temperature)).toBeCloseTo(first, 5);
    expect(loss(sines(0.25), sines(0.5), temperature)).toBeCloseTo(second, 5);
  });
});

test("its gradient reaches the queries, and no key", () => {
  scope(() => {
    const [q, k] = [sines(0).setRequiresGrad(true), sines(1).setRequiresGrad(true)];
    backward(infoNce(q, k, { temperature: 0.2, world: alone }).loss);
    const gradient = (q.grad as Tensor).toNumbers();
    expect(Math.hypot(...gradient)).toBeCloseTo(0.378225, 5);
    for (const [i, value] of [-0.004635, -0.006662, 0.005903].entries()) expect(gradient[i]).toBeCloseTo(value, 5);
    expect(k.grad).toBeUndefined();
  });
});

test.each([
  [64, 3.365, 0.29],
  [256, 4.479, 0.82],
  [1024, 5.584, 1.69],
])("two terms of %i pictures: random answers, one answer for all (4τ ln N), perfect answers", (n, random, perfect) => {
  scope(() => {
    const twice = (q: Tensor, k: Tensor): number => loss(q, k, 0.2) + loss(k, q, 0.2);
    const chance = 0.5 / Math.sqrt(n); // three standard deviations of a mean over n pictures
    expect(Math.abs(twice(noise("q", n), noise("k", n)) - random)).toBeLessThan(chance);
    const same = noise("q", 1).repeat([n, 1]);
    expect(twice(same, same)).toBeCloseTo(0.8 * Math.log(n), 4);
    expect(Math.abs(twice(noise("q", n), noise("q", n)) - perfect)).toBeLessThan(chance);
  });
});

test("what it says beside the loss: cosines of own and other keys, and how often the own one is the nearest", () => {
  scope(() => {
    const q = tensor(Float32Array.of(1, 0, 0, 1, 0, 2), [3, 2]); // east, north, north
    const k = tensor(Float32Array.of(2, 0, 0, 3, -1, 0), [3, 2]); // east, north, west
    const { positive, negative, accuracy } = infoNce(q, k, { temperature: 0.2, world: alone });
    expect(positive.item()).toBeCloseTo(2 / 3, 6);
    expect(negative.item()).toBeCloseTo((-1 + 1) / 6, 6); // east · west, north · north
    expect(accuracy.item()).toBeCloseTo(2 / 3, 6);
  });
});

test("patches among those of their own picture: four orthonormal ones (card of siamese masked image modelling), and each picture by itself", () => {
  scope(() => {
    const four = patchNce(eye(4).unsqueeze(0), eye(4).unsqueeze(0), 1);
    expect(four.loss.item() / 2).toBeCloseTo(0.743668, 5); // the loss is 2τ times the cross-entropy
    expect([four.positive, four.negative, four.accuracy].map((value) => value.item())).toEqual([1, 0, 1]);
    const [q, k] = ["q", "k"].map((name) => noise(name, 12).reshape([3, 4, 256])) as [Tensor, Tensor];
    const each = q.unbind(0).map((rows, i) => loss(rows, k.select(0, i), 0.2));
    expect(patchNce(q, k, 0.2).loss.item()).toBeCloseTo(each.reduce((sum, one) => sum + one) / 3, 5);
  });
});

test("a gradient of patches reaches the queries, and no key", () => {
  scope(() => {
    const [q, k] = [sines(0), sines(1)].map((rows) => rows.unsqueeze(0).setRequiresGrad(true)) as [Tensor, Tensor];
    backward(patchNce(q, k, 0.2).loss);
    expect(Math.hypot(...(q.grad as Tensor).toNumbers())).toBeCloseTo(0.378225, 5); // as of pictures, above
    expect(k.grad).toBeUndefined();
  });
});

test("two processes with gathered keys: the mean of their losses is one process's, and labels know the rank", () => {
  scope(() => {
    const [q, k] = [noise("q", 8), noise("k", 8)];
    const rank = (own: number): World => ({
      rank: own,
      size: 2,
      mean: (value) => value,
      gather: (rows) => {
        const other = normalize(k.slice(0, 4 * (1 - own), 4 * (2 - own)));
        return cat(own === 0 ? [rows, other] : [other, rows]);
      },
    });
    const part = (own: number) => {
      const rows = (x: Tensor): Tensor => x.slice(0, 4 * own, 4 * own + 4);
      return infoNce(rows(q), rows(k), { temperature: 0.2, world: rank(own) });
    };
    const whole = infoNce(q, k, { temperature: 0.2, world: alone });
    const [a, b] = [part(0), part(1)];
    for (const name of ["loss", "positive", "negative", "accuracy"] as const)
      expect((a[name].item() + b[name].item()) / 2).toBeCloseTo(whole[name].item(), 5);
  });
});

test("float32 inside a bfloat16 region", () => {
  scope(() => {
    const [q, k] = [noise("q", 16), noise("k", 16)];
    expect(autocast("bfloat16", () => loss(q, k, 0.2))).toBe(loss(q, k, 0.2));
  });
});

describe("NT-Xent", () => {
  const xent = (a: Tensor, b: Tensor, temperature: number): number =>
    ntXent(a, b, { temperature, world: alone }).loss.item();

  test("of orthogonal pictures whose views agree: ln (1 + (2N − 2) e^(−1/τ))", () => {
    scope(() => {
      const four = eye(4);
      for (const temperature of [0.1, 0.5, 1])
        expect(xent(four, four, temperature)).toBeCloseTo(Math.log(1 + 6 * Math.exp(-1 / temperature)), 5);
    });
  });

  test("one answer for all pictures: ln (2N − 1), and nothing is told apart", () => {
    scope(() => {
      const same = noise("q", 1).repeat([16, 1]);
      const { loss: value, positive, negative } = ntXent(same, same, { temperature: 0.1, world: alone });
      expect(value.item()).toBeCloseTo(Math.log(31), 4);
      expect([positive.item(), negative.item()]).toEqual([expect.closeTo(1, 5), expect.closeTo(1, 5)]);
    });
  });

  test("its gradient reaches both sides", () => {
    scope(() => {
      const [a, b] = [sines(0).setRequiresGrad(true), sines(1).setRequiresGrad(true)];
      backward(ntXent(a, b, { temperature: 0.2, world: alone }).loss);
      for (const side of [a, b]) {
        const gradient = (side.grad as Tensor).toNumbers();
        expect(gradient.every(Number.isFinite)).toBe(true);
        expect(Math.hypot(...gradient)).toBeGreaterThan(0.01);
      }
    });
  });

  test("given keys are constants, in place of the views' own; a view's own key is left out", () => {
    scope(() => {
      const [a, b] = [sines(0).setRequiresGrad(true), sines(1).setRequiresGrad(true)];
      const keys = cat([sines(0), sines(1)]).setRequiresGrad(true);
      const given = ntXent(a, b, { temperature: 0.2, world: alone, keys });
      backward(given.loss);
      expect(keys.grad).toBeUndefined();
      expect(given.loss.item()).toBeCloseTo(xent(a, b, 0.2), 6); // the same numbers
      const other = ntXent(a, b, { temperature: 0.2, world: alone, keys: cat([sines(1), sines(0)]) });
      expect(other.loss.item()).not.toBeCloseTo(given.loss.item(), 3);
    });
  });

  test("cosines of partners and of others, without a view's own; how often the partner is the nearest", () => {
    scope(() => {
      const first = tensor(Float32Array.of(1, 0, 0, 1), [2, 2]); // east, north
      const second = tensor(Float32Array.of(2, 0, 3, 1), [2, 2]); // east, nearly east: nearer to the others than to its partner
      const { positive, negative, accuracy } = ntXent(first, second, { temperature: 0.2, world: alone });
      const [east, north] = [3 / Math.sqrt(10), 1 / Math.sqrt(10)];
      expect(positive.item()).toBeCloseTo((1 + north) / 2, 6);
      expect(negative.item()).toBeCloseTo((0 + east + 0 + east) / 4, 6);
      expect(accuracy.item()).toBeCloseTo(3 / 4, 6);
    });
  });

  test("two processes with gathered views: the mean of their losses is one process's", () => {
    scope(() => {
      const [a, b] = [noise("q", 8), noise("k", 8)];
      const half = (x: Tensor, own: number): Tensor => x.slice(0, 4 * own, 4 * own + 4);
      const rank = (own: number): World => ({
        rank: own,
        size: 2,
        mean: (value) => value,
        gather: (rows) => {
          const other = normalize(cat([half(a, 1 - own), half(b, 1 - own)]));
          return cat(own === 0 ? [rows, other] : [other, rows]);
        },
      });
      const part = (own: number) => ntXent(half(a, own), half(b, own), { temperature: 0.2, world: rank(own) });
      const whole = ntXent(a, b, { temperature: 0.2, world: alone });
      const [one, two] = [part(0), part(1)];
      for (const name of ["loss", "positive", "negative", "accuracy"] as const)
        expect((one[name].item() + two[name].item()) / 2).toBeCloseTo(whole[name].item(), 5);
    });
  });
});
