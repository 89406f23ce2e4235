import { expect, test } from "vitest";
import { scope } from "../../../../src/engine/scope.js";
import { buildTokenizer, tokenizerConfig } from "../../../../src/methods/parts/tokenizers/build.js";
import { Rng } from "../../../../src/tensor/random.js";

/** Every tokenizer gets this by being in the list. */
const names = tokenizerConfig.options.map(({ shape }) => shape.name.unwrap().value);

test.each(names)("%s: tokens in range, in image order, with patches to show", (name) => {
  using tokenizer = buildTokenizer(tokenizerConfig.parse({ name, vocabulary: 5 }), [4, 2], 3);
  tokenizer.initialize(new Rng(0, "init"));
  scope(() => {
    const images = new Rng(1, "x", 0, [0, 1]).normal([3, 8, 6]);
    tokenizer.fit?.().run(images, new Rng(0, "fit"));
    const tokens = tokenizer.call(images);
    expect([tokens.shape, tokens.dtype]).toEqual([[2, 6], "int64"]);
    expect(tokens.toNumbers().every((token) => token >= 0 && token < tokenizer.vocabulary)).toBe(true);
    expect(tokenizer.patches(tokens).shape).toEqual([2, 6, 24]);
    expect(tokenizer.entropy()).toBeLessThanOrEqual(Math.log(tokenizer.vocabulary) + 1e-6);
    expect(tokenizer.parameters()).toEqual([]);
  });
});
