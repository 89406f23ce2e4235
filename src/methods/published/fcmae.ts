/**
 * `fcmae`: what facebookresearch/ConvNeXt-V2 saves in pre-training. The encoder stands below `encoder.`, its convolutions as
 * MinkowskiEngine keeps them: [k², in, out] or [k², channels], the row of the window running fastest.
 */
import type { TensorFile } from "../../models/published/files.js";
import { type Layout, type Reading, unknownName, viewOf } from "../../models/published/layout.js";
import { type PublishedTensor, permuted, reshaped, sides, tensorIn } from "../../models/published/tensors.js";

const isPart = (name: string): boolean => /^(?:proj|pred|mask_token|decoder)(?:\.|$)/.test(name);

/** @param name the method's, as configurations say it */
export function fcmaeLayout(name: string): Layout {
  return {
    name: "fcmae",
    form: "pth",
    under: "model",
    anchors: [],
    read(file, hints, inner) {
      const at = file.names.find((own) => own.endsWith("encoder.stages.0.0.dwconv.kernel"));
      if (at === undefined) return undefined;
      return readingOf(name, file, at.slice(0, -"encoder.stages.0.0.dwconv.kernel".length), (view) =>
        inner(view, hints),
      );
    },
    write(model) {
      if (model.method?.name !== name || model.rest?.has("mask_token") !== true) return undefined;
      const encoder = [...model.tensors].flatMap(([own, tensor]): [string, PublishedTensor][] =>
        /^(?:norm|head)\./.test(own) ? [] : [toSparse(own, tensor)],
      );
      const left = model.tensors.size - encoder.length;
      const dropped = left === 0 ? [] : [`norm, ${left} tensors: pre-training has no norm behind the pooling`];
      return { tensors: new Map([...model.rest, ...encoder]), dropped };
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
    if (own.startsWith("encoder.")) {
      const [ours, dense] = toDense(own.slice("encoder.".length), tensor);
      encoder.set(ours, dense);
    } else if (isPart(own)) rest.set(own, tensor);
    else throw unknownName(file.path, full, "FCMAE");
  }
  const [width = 0] = sides(rest, file.path, "proj.weight", 4);
  const blocks = [...rest.keys()].map((own) => Number(/^decoder\.(\d+)\./.exec(own)?.[1] ?? -1) + 1);
  const norm = file.options.get("norm_pix_loss");
  const ratio = file.options.get("mask_ratio");
  return {
    ...inner(viewOf(file, encoder)),
    layout: "fcmae",
    method: {
      name,
      decoder: { width, depth: Math.max(...blocks) },
      ...(typeof norm === "boolean" && { normalizeTargets: norm }),
      ...(typeof ratio === "number" && { maskRatio: ratio }),
    },
    rest,
  };
}

/** A sparse tensor under its dense name, in its dense form. */
function toDense(name: string, tensor: PublishedTensor): [string, PublishedTensor] {
  const { shape } = tensor;
  const side = Math.round(Math.sqrt(shape[0] ?? 1)); // of the window
  if (name.endsWith(".kernel")) {
    const own = name.replace(/kernel$/, "weight");
    const [, first = 1, second = 1] = shape;
    if (shape.length === 2) return [own, permuted(reshaped(tensor, [side, side, first, 1]), [2, 3, 1, 0])];
    return [own, permuted(reshaped(tensor, [side, side, first, second]), [3, 2, 1, 0])];
  }
  const plain = name.replace(/\.(?:ln|linear)\./, ".");
  if (plain.includes(".grn.")) return [plain, reshaped(tensor, [1, 1, 1, shape.at(-1) ?? 0])];
  return [plain, plain.endsWith(".bias") ? reshaped(tensor, [shape.at(-1) ?? 0]) : tensor];
}

/** The other way. The first convolution and its norm are dense there too. */
function toSparse(name: string, tensor: PublishedTensor): [string, PublishedTensor] {
  const { shape } = tensor;
  const [outputs = 1, inputs = 1, side = 1] = shape;
  const full = `encoder.${name}`;
  if (name.startsWith("downsample_layers.0.")) return [full, tensor];
  if (shape.length === 4 && !name.includes(".grn.")) {
    const moved = permuted(tensor, [3, 2, 1, 0]); // [columns rows in out]
    const isDepthwise = name.includes(".dwconv.");
    const flat = isDepthwise ? [side * side, outputs] : [side * side, inputs, outputs];
    return [full.replace(/weight$/, "kernel"), reshaped(moved, flat)];
  }
  if (name.includes(".grn.")) return [full, reshaped(tensor, [1, shape.at(-1) ?? 0])];
  if (/\.pwconv\d\./.test(name)) return [full.replace(/(pwconv\d)/, "$1.linear"), tensor];
  const isConvolution = name.includes(".dwconv.") || /^downsample_layers\.\d\.1\./.test(name);
  if (isConvolution) return [full, reshaped(tensor, [1, outputs])]; // its bias
  return [full.replace(/\.(weight|bias)$/, ".ln.$1"), tensor];
}
