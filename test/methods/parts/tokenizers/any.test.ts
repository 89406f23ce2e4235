import { expect, test } from "vitest";
import {
  anyTokenizerConfig,
  borrowedBy,
  buildAnyTokenizer,
  resolveTokenizer,
  tokenizerChoice,
} from "../../../../src/methods/parts/tokenizers/any.js";
import { KMeansTokenizer } from "../../../../src/methods/parts/tokenizers/k-means.js";
import { smallEncoder } from "../../small.js";

/** Of trained tokenizers all of this is in trained.test.ts, by runs. */
test("a codebook has the encoder's patches, is read from no run, and borrows nothing", () => {
  const tokenizer = anyTokenizerConfig.parse({ name: "kMeans", vocabulary: 5 });
  using encoder = smallEncoder("vit", { imageSize: [16, 16], channels: 3 });
  using made = buildAnyTokenizer(tokenizer, encoder as Parameters<typeof buildAnyTokenizer>[1]);
  expect(made).toBeInstanceOf(KMeansTokenizer);
  expect([made.vocabulary, (made as KMeansTokenizer).codebook.shape]).toEqual([5, [5, 48]]);
  expect(borrowedBy(made)).toEqual([]);
  const config = { tokenizer };
  const read = (): never => {
    throw new Error("no run is to be read");
  };
  expect(resolveTokenizer(config, read)).toBe(config);
});

test("where none is named it is a codebook of 8192; advice gives each token some 64 patches or more, and 8192 at most", () => {
  expect(anyTokenizerConfig.parse(undefined)).toMatchObject({ name: "kMeans", vocabulary: 8192 });
  const vocabulary = (pictures: number, patches: number): unknown => tokenizerChoice({ pictures, patches }).value;
  expect(vocabulary(1_281_167, 196)).toEqual({ name: "kMeans", vocabulary: 8192 });
  expect(vocabulary(2000, 64)).toEqual({ name: "kMeans", vocabulary: 1024 });
  expect(vocabulary(10, 64)).toEqual({ name: "kMeans", vocabulary: 64 });
});
