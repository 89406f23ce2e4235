/**
 * WordPiece: a text as numbers of pieces of words. "Japanese and Korean Voice Search", Schuster and Nakajima, ICASSP 2012; as BERT's
 * uncased models have it (Devlin et al. 2019, arXiv 1810.04805; google-research/bert, tokenization.py), which transformers' BertTokenizer
 * is compared with.
 */
import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";
import { ConfigError } from "../../errors.js";

const padding = "[PAD]";
const unknown = "[UNK]";
/** BERT's uncased tokenizer over a vocabulary, piece by number. */
function bert(vocab: Readonly<Record<string, number>>): Tokenizer {
  return new Tokenizer(
    {
      ...{ version: "1.0", truncation: null, padding: null, added_tokens: [], post_processor: null, decoder: null },
      normalizer: {
        ...{
          type: "BertNormalizer",
          clean_text: true,
          handle_chinese_chars: true,
          strip_accents: null,
          lowercase: true,
        },
      },
      pre_tokenizer: { type: "BertPreTokenizer" },
      model: {
        ...{ type: "WordPiece", unk_token: unknown, continuing_subword_prefix: "##", max_input_chars_per_word: 100 },
        vocab,
      },
    },
    {},
  );
}

/**
 * Reads texts into rows of `length` numbers: pieces of its words by the longest match, cut off or filled with [PAD]. No piece stands in
 * front of or behind them, as FLIP has it.
 * @param pieces the vocabulary: a piece's number is its place, pieces inside of words begin with ##
 */
export function wordPiece(pieces: readonly string[], length: number): (text: string) => Int32Array {
  const pad = pieces.indexOf(padding);
  if (pad < 0 || !pieces.includes(unknown))
    throw refuse(`one with ${padding} and ${unknown}`, `${pieces.length} pieces without`);
  const tokenizer = bert(Object.fromEntries(pieces.map((piece, number) => [piece, number])));
  return (text) => {
    const { ids } = tokenizer.encode(text, { add_special_tokens: false });
    return Int32Array.from({ length }, (_, i) => ids[i] ?? pad);
  };
}

const { normalizer, pre_tokenizer: splitter } = bert({ [unknown]: 0 });

/** The words of a text in lower case and without accents; every mark is a word, and so is every Chinese character. */
export function wordsOf(text: string): string[] {
  return splitter?.pre_tokenize_text(normalizer?.normalize(text) ?? text, {}) ?? [];
}

/**
 * A vocabulary for texts of one's own: [PAD], [UNK], every letter in front and inside of words, then whole words, the most frequent first.
 * @param most pieces in all
 */
export function vocabularyOf(texts: readonly string[], most: number): string[] {
  const counts = new Map<string, number>();
  for (const text of texts) for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([word]) => word);
  const letters = [...new Set(words.flatMap((word) => Array.from(word)))].sort();
  const spelled = [padding, unknown, ...letters, ...letters.map((letter) => `##${letter}`)];
  return [...new Set([...spelled, ...words])].slice(0, Math.max(most, spelled.length));
}

/** The pieces of a file: one a line as BERT's vocab.txt, or a run.json whose method has a vocabulary. @throws ConfigError */
export function readVocabulary(path: string): string[] {
  const text = readWhole(path);
  if (!path.endsWith(".json")) return text.split(/\r?\n/).filter((line) => line !== "");
  try {
    const { config } = JSON.parse(text) as { config?: { method?: { text?: { vocabulary?: unknown } } } };
    const pieces = config?.method?.text?.vocabulary;
    if (Array.isArray(pieces) && pieces.every((piece) => typeof piece === "string")) return pieces;
  } catch {
    // said below
  }
  throw refuse("a run.json of a method that reads texts", `${path}, which has no vocabulary`);
}

function readWhole(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw refuse("a file of pieces, one a line, or a run.json", `${path}: ${(cause as NodeJS.ErrnoException).code}`);
  }
}

function refuse(expected: string, actual: string): ConfigError {
  const remedy = "Give the vocab.txt of an uncased BERT, a run.json, or nothing: then it is made of the captions.";
  return new ConfigError({ code: "vocabulary", path: "method.text.vocabulary", expected, actual, remedy });
}
