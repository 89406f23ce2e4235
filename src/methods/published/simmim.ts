/** `simmim`: what microsoft/SimMIM saves in pre-training: the encoder below `encoder.`, the mask token in it, and the linear head. */
import type { TensorFile } from "../../models/published/files.js";
import { type Layout, type Reading, unknownName, viewOf } from "../../models/published/layout.js";
import { type PublishedTensor, reshaped, tensorIn } from "../../models/published/tensors.js";

const token = "encoder.mask_token";
/** The head is a convolution of a pixel there. */
const head = /^decoder\.0\.(weight|bias)$/;

/** @param name the method's, as configurations say it */
export function simmimLayout(name: string): Layout {
  return {
    name: "simmim",
    form: "pth",
    under: "model",
    anchors: [],
    read(file, hints, inner) {
      const at = file.names.find((own) => own.endsWith(token));
      const isSimMim = file.names.some((own) => own.endsWith("decoder.0.weight"));
      if (at === undefined || !isSimMim) return undefined;
      return readingOf(name, file, at.slice(0, -token.length), (view) => inner(view, hints));
    },
    write(model) {
      const { method, rest } = model;
      const [mask, weight, bias] = ["mask_token", "decoder.weight", "decoder.bias"].map((part) => rest?.get(part));
      if (method?.name !== name || mask === undefined || weight === undefined || bias === undefined) return undefined;
      const encoder = [...model.tensors].map(([own, tensor]) => [`encoder.${own}`, tensor] as const);
      const convolution = reshaped(weight, [...weight.shape, 1, 1]);
      const own = [[token, mask], ...encoder, ["decoder.0.weight", convolution], ["decoder.0.bias", bias]] as const;
      return { tensors: new Map(own), dropped: [] };
    },
  };
}

function readingOf(name: string, file: TensorFile, prefix: string, inner: (view: TensorFile) => Reading): Reading {
  const rest = new Map<string, PublishedTensor>();
  const encoder = new Map<string, PublishedTensor>();
  for (const full of file.names) {
    if (!full.startsWith(prefix)) continue;
    const own = full.slice(prefix.length);
    const tensor = tensorIn(file, full);
    const part = head.exec(own)?.[1];
    if (own === token) rest.set("mask_token", tensor);
    else if (part !== undefined) rest.set(`decoder.${part}`, part === "weight" ? flat(tensor) : tensor);
    else if (own.startsWith("encoder.")) encoder.set(own.slice("encoder.".length), tensor);
    else throw unknownName(file.path, full, "SimMIM");
  }
  const reading = inner(viewOf(file, encoder));
  const unit = unitOf(reading, rest.get("decoder.bias")?.shape[0] ?? 0);
  const assumed = [...reading.assumed, `squares of ${unit} pixels are hidden, three of five`];
  return { ...reading, layout: "simmim", method: { name, unit }, rest, assumed };
}

/** The authors' 32 pixels, or what one place of the last map stands for in pictures that they do not divide. */
function unitOf({ image }: Reading, outputs: number): number {
  const isUsual = image.imageSize.every((side) => side % 32 === 0 && side > 32);
  return isUsual ? 32 : Math.round(Math.sqrt(outputs / image.channels));
}

/** A convolution of one pixel as the matrix that it is. */
function flat(tensor: PublishedTensor): PublishedTensor {
  return reshaped(tensor, tensor.shape.slice(0, 2));
}
