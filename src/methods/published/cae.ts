/**
 * `cae`: what Atten4Vis/CAE saves in pre-training: the encoder below `encoder.` and, once more, below `alignment_encoder.`, regressor and
 * decoder beside them. The tokenizer whose tokens they tell is another file there.
 */
import type { TensorFile } from "../../models/published/files.js";
import { type Layout, lost, type Reading, viewOf } from "../../models/published/layout.js";
import { asStateDict, type PublishedTensor, tensorIn } from "../../models/published/tensors.js";

const anchor = "regresser.norm.weight";
const [encoder, copy] = ["encoder.", "alignment_encoder."];

/** @param name the method's, as configurations say it */
export function caeLayout(name: string): Layout {
  return {
    name: "cae",
    form: "pth",
    under: "model",
    anchors: [],
    read(file, hints, inner) {
      const at = file.names.find((own) => own.endsWith(anchor));
      if (at === undefined) return undefined;
      return readingOf(file, at.slice(0, -anchor.length), (view) => inner(view, hints));
    },
    write({ method, tensors, rest }) {
      if (method?.name !== name || rest?.has(anchor) !== true) return undefined;
      const isTokenizer = (own: string): boolean => own.startsWith("target.");
      const official = [...rest].filter(([own]) => !isTokenizer(own));
      const below = (prefix: string) =>
        asStateDict([...tensors]).map(([own, tensor]): [string, PublishedTensor] => [prefix + own, tensor]);
      return {
        tensors: new Map([...official, ...below(encoder), ...below(copy)]),
        dropped: lost("tokenizer", rest.size - official.length, "the official layout keeps it in a file of its own"),
      };
    },
  };
}

function readingOf(file: TensorFile, prefix: string, inner: (view: TensorFile) => Reading): Reading {
  const below = (part: string): string[] => file.names.filter((full) => full.startsWith(prefix + part));
  const own = below(encoder).map((full): [string, PublishedTensor] => [
    full.slice((prefix + encoder).length),
    tensorIn(file, full),
  ]);
  const copies = below(copy).length;
  const reading = inner(viewOf(file, new Map(own)));
  return {
    ...reading,
    layout: "cae",
    model: { ...reading.model, positions: "sinCos" },
    dropped: [
      ...reading.dropped,
      ...lost("alignment_encoder", copies, "the same as the encoder"),
      ...lost(
        "regressor and decoder",
        file.names.length - own.length - copies,
        "what they tell are tokens of a tokenizer that is not in the file",
      ),
    ],
  };
}
