/**
 * `beit`: what microsoft/unilm saves in pre-training, BEiT and BEiT v2: the encoder's names at the top, the mask token and the head beside
 * them, and BEiT v2's blocks behind the encoder. What predicts tokens is of no use without the tokenizer, which is another file: it is written,
 * and left out where such a file is read.
 */
import { type Layout, lost, viewOf, type Writable } from "../../models/published/layout.js";
import { asStateDict, type PublishedTensor, type Tensors, tensorIn } from "../../models/published/tensors.js";
import { withIndexes } from "../../models/published/vit/layouts.js";

const head = "lm_head.weight";
/** Of pre-training alone. */
const isPredicting = (name: string): boolean => /^(?:mask_token$|lm_head\.|cls_pt_)/.test(name);

/** Layouts of methods that predict tokens of patches. */
export const beitLayouts: readonly Layout[] = [
  {
    name: "beit",
    form: "pth",
    under: "model",
    anchors: [head.replace(".", String.raw`\.`)],
    read(file, hints, inner) {
      if (!file.names.includes(head) || !file.names.includes("cls_token")) return undefined;
      const names = file.names.filter((name) => !isPredicting(name));
      const encoder = new Map(names.map((name) => [name, tensorIn(file, name)] as const));
      const reading = inner(viewOf(file, encoder), hints);
      const left = lost(
        "mask_token, lm_head and what stands behind the encoder",
        file.names.length - names.length,
        reason,
      );
      return { ...reading, layout: "beit", dropped: [...reading.dropped, ...left] };
    },
    write(model) {
      const { method, rest } = model;
      if (rest === undefined || !["beit", "beitv2"].includes(method?.name ?? "") || !rest.has("head.weight"))
        return undefined;
      const isTokenizers = (name: string): boolean => name.startsWith("target.");
      const own = [...rest].filter(([name]) => !isTokenizers(name));
      const named = own.map(([name, tensor]) => [name.replace(/^head\./, "lm_head."), tensor] as const);
      return {
        tensors: whole([...model.tensors, ...named], model),
        dropped: lost("target.tokenizer", rest.size - own.length, "a file of its own there"),
      };
    },
  },
];

const reason = "they tell tokens of a tokenizer that is not in the file";

function whole(entries: readonly (readonly [string, PublishedTensor])[], model: Writable): Tensors {
  return withIndexes(new Map(asStateDict(entries)), model);
}
