import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { KMeansTokenizer, kMeansConfig } from "../../../../src/methods/parts/tokenizers/k-means.js";
import { patchify, unpatchify } from "../../../../src/nn/patches.js";
import { Rng } from "../../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../../src/tensor/tensor.js";

const built = (vocabulary: number, iterations = 12): KMeansTokenizer => {
  const made = new KMeansTokenizer(kMeansConfig.parse({ vocabulary, iterations }), [2, 2], 1);
  made.initialize(new Rng(0, "init"));
  return made;
};
const error = (tokenizer: KMeansTokenizer, images: Tensor): number =>
  tokenizer
    .patches(tokenizer.call(images))
    .sub(patchify(images, [2, 2], "channelsLast"))
    .pow(2)
    .mean()
    .item();

test("clusters that lie far apart are found, each patch gets the number of its own", () => {
  using tokenizer = built(3, 20);
  scope(() => {
    const kinds = Array.from({ length: 16 * 16 }, (_, i) => (i * 7 + (i >> 3)) % 3);
    const noise = new Rng(3, "n").normal([256, 4]).reshape([16, 16, 4]).mul(0.05);
    const centres = tensor(
      Float32Array.from(kinds, (kind) => 3 * kind - 3),
      [16, 16, 1],
    );
    const images = unpatchify(centres.add(noise), [2, 2], [4, 4], "channelsLast"); // [16 1 8 8]
    tokenizer.fit().run(images, new Rng(0, "fit"));
    const tokens = tokenizer.call(images).toNumbers();
    const names = [0, 1, 2].map((kind) => tokens[kinds.indexOf(kind)]);
    expect(new Set(names).size).toBe(3);
    expect(tokens).toEqual(kinds.map((kind) => names[kind]));
    const counts = names.map((_, kind) => kinds.filter((k) => k === kind).length / 256);
    expect(tokenizer.entropy()).toBeCloseTo(-counts.reduce((sum, p) => sum + p * Math.log(p), 0), 5);
    expect(error(tokenizer, images)).toBeLessThan(0.004);
  });
});

test("each token is the nearest entry by brute force; more passes and more entries come nearer; no entry is idle", () => {
  scope(() => {
    const images = new Rng(5, "x", 0, [...Array(64).keys()]).normal([1, 8, 8]);
    const errors = [built(16, 1), built(16), built(64)].map((tokenizer) => {
      tokenizer.fit().run(images, new Rng(0, "fit"));
      const [tokens, book] = [tokenizer.call(images).toNumbers(), tokenizer.codebook.toNumbers()];
      const rows = patchify(images, [2, 2], "channelsLast").toNumbers();
      for (const n of [0, 100, 555]) {
        const away = (v: number): number =>
          [0, 1, 2, 3].reduce((sum, i) => sum + ((rows[4 * n + i] ?? 0) - (book[4 * v + i] ?? 0)) ** 2, 0);
        const nearest = Math.min(...Array.from({ length: tokenizer.vocabulary }, (_, v) => away(v)));
        expect(away(tokens[n] ?? -1)).toBeCloseTo(nearest, 5);
      }
      expect(Math.min(...tokenizer.frequency.toNumbers())).toBeGreaterThan(0);
      const found = error(tokenizer, images);
      tokenizer.close();
      return found;
    });
    expect(errors[1]).toBeLessThan(errors[0] ?? 0);
    expect(errors[2]).toBeLessThan(0.75 * (errors[1] ?? 0));
  });
});

test("fewer patches than entries: each patch has an entry of its own", () => {
  scope(() => {
    const images = new Rng(5, "x").normal([1, 4, 4]);
    using tokenizer = built(9);
    expect(tokenizer.entropy()).toBeCloseTo(Math.log(9), 6); // nothing is known yet
    tokenizer.fit().run(images, new Rng(1, "fit"));
    expect(error(tokenizer, images)).toBeLessThan(1e-10);
  });
});

test("the seed decides, and repeats", () => {
  scope(() => {
    const images = new Rng(5, "x", 0, [0, 1, 2, 3]).normal([1, 8, 8]);
    const fitted = (seed: number): number[] => {
      using tokenizer = built(9);
      tokenizer.fit().run(images, new Rng(seed, "fit"));
      return tokenizer.codebook.toNumbers();
    };
    expect(fitted(1)).toEqual(fitted(1));
    expect(fitted(1)).not.toEqual(fitted(2));
  });
});
