import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readVocabulary, vocabularyOf, wordPiece, wordsOf } from "../../../src/methods/text/word-piece.js";
import { temporaryFolder } from "../../data/pictures.js";

interface Recorded {
  readonly pieces: readonly string[];
  readonly texts: readonly { readonly text: string; readonly tokens: readonly number[] }[];
}

const recorded = JSON.parse(
  readFileSync(new URL("../../reference/word-piece.json", import.meta.url), "utf8"),
) as Recorded;

test.each(recorded.texts.map(({ text, tokens }) => [JSON.stringify(text).slice(0, 40), text, tokens] as const))(
  "transformers' BertTokenizer: %s",
  (_, text, tokens) => {
    const read = wordPiece(recorded.pieces, 40);
    expect(Array.from(read(text))).toEqual([...tokens, ...Array.from({ length: 40 - tokens.length }, () => 0)]);
  },
);

test("long texts are cut off, short ones filled", () => {
  const read = wordPiece(["[PAD]", "[UNK]", "a", "cat"], 3);
  expect(Array.from(read("a cat a cat"))).toEqual([2, 3, 2]);
  expect(Array.from(read("cat"))).toEqual([3, 0, 0]);
});

test("a vocabulary of captions: letters, then words by how often they come; nothing of them is unknown", () => {
  const captions = ["a red cat", "a cat!", "Two dogs"];
  const pieces = vocabularyOf(captions, 100);
  expect(pieces.slice(0, 2)).toEqual(["[PAD]", "[UNK]"]);
  expect(pieces.filter((piece) => ["cat", "red", "two", "dogs"].includes(piece))).toEqual([
    "cat",
    "dogs",
    "red",
    "two",
  ]);
  expect(new Set(pieces).size).toBe(pieces.length);
  const read = wordPiece(pieces, 12);
  for (const text of [...captions, "dog", "reds"]) expect(Array.from(read(text)), text).not.toContain(1);
  expect(vocabularyOf(captions, 5)).not.toContain("cat"); // letters come first
  expect(wordsOf("A cat, 2!")).toEqual(["a", "cat", ",", "2", "!"]);
});

test("a vocabulary is read of vocab.txt and of run.json, and of nothing else", () => {
  const folder = temporaryFolder();
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const pieces = ["[PAD]", "[UNK]", "cat"];
  expect(readVocabulary(file("vocab.txt", `${pieces.join("\r\n")}\n`))).toEqual(pieces);
  const run = { config: { method: { name: "flip", text: { vocabulary: pieces } } } };
  expect(readVocabulary(file("run.json", JSON.stringify(run)))).toEqual(pieces);
  expect(() => readVocabulary(file("other.json", '{"config":{}}'))).toThrow("other.json, which has no vocabulary");
  expect(() => readVocabulary(join(folder, "gone.txt"))).toThrow("gone.txt: ENOENT");
  expect(() => wordPiece(["a", "cat"], 3)).toThrow("expected one with [PAD] and [UNK], got 2 pieces without");
});
