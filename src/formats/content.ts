/** What a file of weights is by its first bytes: names lie, and downloads fail in many ways. */
import { type ByteSource, openBytes } from "./bytes.js";
import { excerpt, FormatError } from "./errors.js";
import { maximumHeaderBytes } from "./safetensors-header.js";
import { isZip } from "./torch/zip.js";

/** Enough for a title, a pointer of Git LFS and the name of the first tensor. */
const lookedAt = 1024;

/**
 * Which format's reader a file is for. A pickle from before PyTorch 1.6 is for `torch`, whose reader says what to do.
 * @throws FormatError "bad-magic" saying in words what the file is, where it holds no weights; "unreadable"
 */
export function weightsFormat(path: string): "safetensors" | "torch" {
  const bytes = openBytes(path, "file of weights");
  try {
    const first = Buffer.from(bytes.read(0, Math.min(lookedAt, bytes.size)));
    if (isZip(first) || isPickle(first)) return "torch";
    if (isSafetensors(first, bytes)) return "safetensors";
    throw new FormatError({ code: "bad-magic", path, expected: "a file of weights", ...found(first, bytes) });
  } finally {
    bytes.close();
  }
}

/** Protocols 2 to 5 begin with their number, and no header of safetensors is so long. */
function isPickle(first: Buffer): boolean {
  return first[0] === 0x80 && (first[1] ?? 0) >= 2 && (first[1] ?? 0) <= 5;
}

/** A header's length, then its brace; one that is cut off is a safetensors file all the same, and its reader says so. */
function isSafetensors(first: Buffer, { size }: ByteSource): boolean {
  if (size < 9) return false;
  const length = first.readBigUInt64LE(0);
  return length <= BigInt(maximumHeaderBytes) && first[8] === 0x7b;
}

type Found = { readonly actual: string; readonly remedy?: string };

const again = "Download the file itself, and compare its size with the one that its page states.";

function found(first: Buffer, bytes: ByteSource): Found {
  if (bytes.size === 0) return { actual: "an empty file", remedy: again };
  const text = first.toString("utf8");
  return textual(text) ?? binary(first) ?? { actual: unknown(first) };
}

/** Pages, pointers and answers of servers, which come in the place of a file. */
function textual(text: string): Found | undefined {
  const start = text.trimStart();
  if (start.startsWith("version https://git-lfs.github.com/spec/")) {
    const size = /^size (\d+)$/m.exec(text)?.[1];
    const of = size === undefined ? "" : ` to a file of ${(Number(size) / 1e6).toFixed(1)} MB`;
    const remedy = "In its repository: git lfs install && git lfs pull; or download it with the hub's own program.";
    return { actual: `a pointer of Git LFS${of}, not the file itself`, remedy };
  }
  if (/^\.?\/?.*\.git\/annex\/objects\//.test(start))
    return {
      actual: "a pointer of git-annex, not the file itself",
      remedy: "In its repository: git annex get <file>.",
    };
  if (/^(<!doctype html|<html|<head|<script)/i.test(start)) {
    const title = /<title[^>]*>\s*([^<]*?)\s*<\/title>/i.exec(text)?.[1];
    const named = title ? ` with the title ${excerpt(title)}` : "";
    return { actual: `a web page (HTML)${named}, as a failed download or a login leaves it`, remedy: again };
  }
  if (/^<\?xml|^<Error>/.test(start)) {
    const said = /<(?:Code|Message)>([^<]*)</.exec(text)?.[1];
    return { actual: `a server's answer in XML${said ? `: ${excerpt(said)}` : ""}`, remedy: again };
  }
  if (/^[[{]/.test(start)) return { actual: `text in JSON: ${excerpt(start.split("\n")[0] ?? "")}`, remedy: again };
  if (/^[\t\r\n\x20-\x7e]+$/.test(text))
    return { actual: `text: ${excerpt(start.split("\n")[0] ?? "")}`, remedy: again };
  return undefined;
}

const unpack = "Unpack it first, and give the file of weights in it.";
const kinds: readonly (readonly [hex: string, actual: string, remedy?: string])[] = [
  ["1f8b", "a gzip archive", unpack],
  ["fd377a585a00", "an xz archive", unpack],
  ["28b52ffd", "a zstd archive", unpack],
  ["425a68", "a bzip2 archive", unpack],
  ["377abcaf271c", "a 7z archive", unpack],
  ["894844460d0a1a0a", "an HDF5 file, as Keras writes it", "Models of Keras are not read."],
  ["47475546", "a GGUF file, a language model's", "Weights for GGUF are not read."],
  ["934e554d5059", "a NumPy array", "Weights are read from safetensors and files of torch.save."],
  ["ffd8ff", "a JPEG picture"],
  ["89504e47", "a PNG picture"],
  ["25504446", "a PDF"],
];

function binary(first: Buffer): Found | undefined {
  const hex = first.toString("hex", 0, 16);
  const [, actual, remedy] = kinds.find(([magic]) => hex.startsWith(magic)) ?? [];
  if (actual !== undefined) return remedy === undefined ? { actual } : { actual, remedy };
  const isTar = first.toString("latin1", 257, 262) === "ustar";
  return isTar ? { actual: "a tar archive", remedy: unpack } : undefined;
}

function unknown(first: Buffer): string {
  if (first.every((byte) => byte === 0)) return "a file that begins with zeros, as a cut download may leave it";
  return `a file of another kind, which begins with the bytes ${first.toString("hex", 0, 8)}`;
}
