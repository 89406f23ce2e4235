import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { PcaTarget } from "../../../../src/methods/parts/targets/pca.js";
import { patchify } from "../../../../src/nn/patches.js";
import { zeros } from "../../../../src/tensor/creation.js";
import { Rng } from "../../../../src/tensor/random.js";
import { aten, type Tensor } from "../../../../src/tensor/tensor.js";

/** Pictures whose neighbouring pixels are alike, as real ones' are. */
function smooth(): Tensor {
  const coarse = new Rng(1, "x", 0, [...Array(32).keys()]).normal([3, 4, 4]).reshape([32, 3, 4, 1, 4, 1]);
  const wide = coarse.expand([-1, -1, -1, 4, -1, 4]).reshape([32, 3, 16, 16]);
  return wide.add(new Rng(2, "x", 0, [...Array(32).keys()]).normal([3, 16, 16]).mul(0.3)).add(0.5);
}

test("axes are those of libtorch's singular value decomposition, coefficients have mean square 1", () => {
  using target = new PcaTarget([4, 4], 3, 6);
  scope(() => {
    const images = smooth();
    target.fit().run(images, new Rng(0, "fit"));
    const rows = patchify(images, [4, 4], "channelsLast").reshape([-1, 48]);
    const centred = rows.sub(rows.mean([0], true));
    const [, values, axes] = aten("linalg_svd", centred, false);
    const alike = target.basis.matmul(axes.slice(0, 0, 6).transpose(0, 1)).abs(); // [6 6], the identity but for signs
    for (let i = 0; i < 6; i++) expect(alike.select(0, i).select(0, i).item()).toBeGreaterThan(0.9999);
    const variances = values.slice(0, 0, 6).pow(2).div(rows.side(0));
    expect(target.scale.item()).toBeCloseTo(Math.sqrt(variances.mean().item()), 4);
    const coefficients = target.call(images); // [32 16 6]
    expect(coefficients.pow(2).mean().item()).toBeCloseTo(1, 4);
    expect(target.loss(zeros(coefficients.shape), coefficients).item()).toBeCloseTo(target.baseline(), 4);
  });
});

test("projected back: all coefficients give the patch again, some the nearest in their span", () => {
  scope(() => {
    const images = smooth();
    const patches = patchify(images, [4, 4], "channelsLast");
    using all = new PcaTarget([4, 4], 3, 48);
    all.fit().run(images, new Rng(0, "fit"));
    expect(all.pixels(all.call(images)).sub(patches).abs().amax([]).item()).toBeLessThan(1e-4);
    using some = new PcaTarget([4, 4], 3, undefined);
    expect(some.outputs).toBe(6);
    some.fit().run(images, new Rng(0, "fit"));
    const rest = some.pixels(some.call(images)).sub(patches).pow(2).mean().item();
    const explained = some.scale.item() ** 2 * 6;
    const total =
      patches
        .sub(patches.mean([0, 1], true))
        .pow(2)
        .mean()
        .item() * 48;
    expect(rest * 48).toBeCloseTo(total - explained, 2);
    expect(some.note()).toContain("6 largest of 48 PCA coefficients");
  });
});

test("the paper's count at 16 px in colour, and an error for more axes than values", () => {
  using paper = new PcaTarget([16, 16], 3, undefined);
  expect(paper.outputs).toBe(96);
  expect(() => new PcaTarget([2, 2], 3, 96)).toThrow("a patch of 12 values has no 96 principal axes.");
});

test("before it is fitted there is no loss that could be taken for one", () => {
  using target = new PcaTarget([4, 4], 3, 6);
  scope(() => {
    target.initialize(new Rng(0, "init"));
    expect(target.call(smooth()).sum().item()).toBeNaN();
  });
});
