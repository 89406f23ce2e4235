/**
 * WordPiece: a text as numbers of pieces of words. "Japanese and Korean Voice Search", Schuster and Nakajima, ICASSP 2012; as BERT's
 * uncased models have it (Devlin et al. 2019, arXiv 1810.04805; google-research/bert, tokenization.py), which transformers' BertTokenizer
 * is compared with.
 */
import { readFileSync } from "node:fs";
import { ConfigError } from "../../errors.js";

const padding = "[PAD]";
const unknown = "[UNK]";
/** Longer words are unknown, as in BERT. */
const longest = 100;

/**
 * Reads texts into rows of `length` numbers: pieces of its words by the longest match, cut off or filled with [PAD]. No piece stands in
 * front of or behind them, as FLIP has it.
 * @param pieces the vocabulary: a piece's number is its place, pieces inside of words begin with ##
 */
export function wordPiece(pieces: readonly string[], length: number): (text: string) => Int32Array {
  const numbers = new Map(pieces.map((piece, number) => [piece, number]));
  const [pad, none] = [padding, unknown].map((piece) => numbers.get(piece)) as [number | undefined, number | undefined];
  if (pad === undefined || none === undefined)
    throw refuse(`one with ${padding} and ${unknown}`, `${pieces.length} pieces without`);
  return (text) => {
    const found = wordsOf(text).flatMap((word) => piecesOf(word, numbers) ?? [none]);
    return Int32Array.from({ length }, (_, i) => found[i] ?? pad);
  };
}

/** The words of a text in lower case and without accents; every mark is a word, and so is every Chinese character. */
export function wordsOf(text: string): string[] {
  const plain = text
    .normalize("NFC")
    .replaceAll(/[\p{Cf}\p{Co}\p{Cs}\ufffd]|(?![\t\n\r])\p{Cc}/gu, "")
    .toLowerCase()
    .normalize("NFD")
    .replaceAll(/\p{Mn}/gu, "");
  return plain.match(/\p{Script=Han}|[\p{P}$+<=>^`|~]|[^\s\p{P}$+<=>^`|~\p{Script=Han}]+/gu) ?? [];
}

/** Undefined for a word that cannot be put together. */
function piecesOf(word: string, numbers: ReadonlyMap<string, number>): number[] | undefined {
  const letters = Array.from(word);
  if (letters.length > longest) return undefined;
  const found: number[] = [];
  for (let start = 0; start < letters.length; ) {
    let end = letters.length;
    const piece = (): string => (start > 0 ? "##" : "") + letters.slice(start, end).join("");
    while (end > start && !numbers.has(piece())) end--;
    if (end === start) return undefined;
    found.push(numbers.get(piece()) as number);
    start = end;
  }
  return found;
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
