import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { TokenTarget } from "../../../../src/methods/parts/targets/tokens.js";
import { KMeansTokenizer, kMeansConfig } from "../../../../src/methods/parts/tokenizers/k-means.js";
import { zeros } from "../../../../src/tensor/creation.js";
import { Rng } from "../../../../src/tensor/random.js";

test("cross-entropy: ln V for no preference, near 0 for the right token; the likeliest token is shown", () => {
  const tokenizer = new KMeansTokenizer(kMeansConfig.parse({ vocabulary: 6 }), [2, 2], 3);
  using target = new TokenTarget(tokenizer);
  scope(() => {
    target.initialize(new Rng(0, "init"));
    const images = new Rng(1, "x", 0, [0, 1, 2, 3]).normal([3, 8, 8]);
    target.fit()?.run(images, new Rng(0, "fit"));
    const wanted = target.call(images); // [4 16 1]
    expect(target.loss(zeros([4, 16, 6]), wanted).item()).toBeCloseTo(Math.log(6), 5);
    const sure = zeros([4, 16, 6]).scatter(2, wanted, zeros([4, 16, 1]).add(50)); // [4 16 6]
    expect(target.loss(sure, wanted).item()).toBeLessThan(1e-5);
    expect(target.pixels(sure).toArray()).toEqual(tokenizer.patches(wanted.squeeze(-1)).toArray());
    expect([...target.state().keys()]).toEqual(["tokenizer.codebook", "tokenizer.frequency"]);
  });
});
