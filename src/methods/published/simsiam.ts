/**
 * `simsiam`: checkpoints of facebookresearch/simsiam, a ResNet below `encoder.` with the projector in the place of its classifier, and the
 * predictor beside it. The bias of the projector's last layer, which is never trained and which batch norm takes away, becomes part of the
 * running mean behind it.
 */
import { CheckpointError } from "../../engine/errors.js";
import {
  type Described,
  type Layout,
  lost,
  type Reading,
  viewOf,
  type Writable,
} from "../../models/published/layout.js";
import { asStateDict, type PublishedTensor, type Tensors } from "../../models/published/tensors.js";
import {
  below,
  type Found,
  type InnerReader,
  linearSides,
  lostCounters,
  named,
  prefixBefore,
  split,
} from "./branches.js";

/** @param name the method's, as configurations say it */
export function simsiamLayout(name: string): Layout {
  return {
    name: "simsiam",
    form: "pth",
    under: "state_dict",
    anchors: [],
    read(file, hints, inner) {
      const prefix = prefixBefore(file, "encoder.conv1.weight");
      const has = (own: string): boolean => file.names.includes(`${prefix}${own}`);
      if (prefix === undefined || !has("encoder.fc.0.weight") || !has("predictor.0.weight")) return undefined;
      return readingOf(name, { file, prefix, hints }, inner);
    },
    write: (model) =>
      model.method?.name === name && model.rest?.has("predictor.0.weight") === true ? written(model) : undefined,
  };
}

function readingOf(name: string, { file, prefix, hints }: Found, inner: InnerReader): Reading {
  const { encoder, head } = split(below(file, `${prefix}encoder.`), "projector.");
  const projector = withoutLastBias(new Map(head), file.path);
  const rest = new Map([...projector.tensors, ...named("predictor.", below(file, `${prefix}predictor.`))]);
  const read = inner(viewOf(file, encoder), hints);
  return {
    ...read,
    layout: "simsiam",
    method: described(name, rest, file.path),
    rest,
    dropped: [
      ...read.dropped,
      ...lostCounters(file),
      ...lost(projector.bias, 1, "it is not trained; the running mean of the batch norm behind it is moved by it"),
    ],
  };
}

/** The projector's tensors without the bias of its last linear layer. */
function withoutLastBias(head: Tensors, path: string): { readonly tensors: Tensors; readonly bias: string } {
  const last = Math.max(...[...head.keys()].map((own) => Number(own.split(".")[1])));
  const [name, mean] = [`projector.${last - 1}.bias`, `projector.${last}.running_mean`];
  const [bias, moved] = [head.get(name), head.get(mean)];
  if (bias?.dtype !== "F32" || moved?.dtype !== "F32")
    throw new CheckpointError({
      problem: `the projector does not end in a linear layer with a bias and batch norm in float32: ${name}, ${mean}.`,
      code: "names",
      path,
      expected: `${name} and ${mean}, F32`,
      actual: [bias?.dtype ?? "none", moved?.dtype ?? "none"],
      remedy: "The file is of another architecture.",
    });
  const { shape } = moved;
  const read = () => {
    const [of, by] = [moved, bias].map((tensor) => new Float32Array(tensor.read().data.slice().buffer));
    const data = new Uint8Array((of as Float32Array).map((x, i) => x - (by?.[i] ?? 0)).buffer);
    return { dtype: "F32", shape, data } as const;
  };
  const tensors = new Map([...head].filter(([own]) => own !== name)).set(mean, { dtype: "F32", shape, read });
  return { tensors, bias: name.replace("projector", "encoder.fc") };
}

/** Sizes of the heads. */
function described(name: string, rest: Tensors, path: string): Described {
  const [projector, predictor] = [linearSides(rest, "projector.", path), linearSides(rest, "predictor.", path)];
  const [hidden = 0] = projector[0] ?? [];
  const [output = 0] = projector.at(-1) ?? [];
  return {
    name,
    projector: { layers: projector.length, hidden, output },
    predictor: { layers: predictor.length, hidden: predictor[0]?.[0] ?? 0 },
  };
}

function written({ tensors, rest = new Map() }: Writable) {
  const encoder = new Map([...tensors].filter(([own]) => !/^head\./.test(own)));
  const last = Math.max(
    ...[...rest.keys()].flatMap((own) => (own.startsWith("projector.") ? [Number(own.split(".")[1])] : [])),
  );
  const weight = rest.get(`projector.${last - 1}.weight`) as PublishedTensor;
  const shape = weight.shape.slice(0, 1);
  const data = new Uint8Array(4 * (shape[0] ?? 0));
  const bias = { dtype: "F32", shape, read: () => ({ dtype: "F32", shape, data }) } as const;
  const heads = [...rest].flatMap(([own, tensor]): [string, PublishedTensor][] => [
    [own.replace(/^projector\./, "encoder.fc."), tensor],
    ...(own === `projector.${last - 1}.weight`
      ? [[`encoder.fc.${last - 1}.bias`, bias] as [string, PublishedTensor]]
      : []),
  ]);
  return {
    tensors: new Map<string, PublishedTensor>(
      named("module.", [...named("encoder.", asStateDict([...encoder])), ...heads]),
    ),
    dropped: lost("classifier", tensors.size - encoder.size, "SimSiam has none"),
  };
}
