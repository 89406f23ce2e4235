/**
 * `dino`: checkpoints of facebookresearch/dino's training, a dictionary of student, teacher and the loss with its centre; each network
 * has its encoder below `backbone.` and its head below `head.`. Files of a backbone alone are the encoder's own layout.
 */
import type { TensorFile } from "../../models/published/files.js";
import {
  type Described,
  type Layout,
  lost,
  type ReadHints,
  type Reading,
  viewOf,
  type Writable,
} from "../../models/published/layout.js";
import { asStateDict, type PublishedTensor, sides, type Tensors, tensorIn } from "../../models/published/tensors.js";
import { pair, type Size } from "../../nn/patches.js";

const isCounter = (name: string): boolean => name.endsWith(".num_batches_tracked");
const place = /^(student|teacher)\.(?:module\.)?(backbone|head)\.(.+)$/;
const centre = "dino_loss.center";

type Network = "student" | "teacher";

/** @param name the method's, as configurations say it */
export function dinoLayout(name: string): Layout {
  return {
    name: "dino",
    form: "pth",
    tables: true,
    anchors: [],
    read: (file, hints, inner) =>
      file.names.some((own) => place.test(own)) ? readingOf(name, file, hints, inner) : undefined,
    write: (model) => (model.method?.name === name && isWhole(model) ? written(model) : undefined),
  };
}

function readingOf(
  name: string,
  file: TensorFile,
  hints: ReadHints,
  inner: (view: TensorFile, hints: ReadHints) => Reading,
): Reading {
  const part = (network: Network, which: "backbone" | "head"): Map<string, PublishedTensor> =>
    new Map(
      file.names.flatMap((full): [string, PublishedTensor][] => {
        const [, of, at, own = ""] = place.exec(full) ?? [];
        return of !== network || at !== which || isCounter(full) ? [] : [[own, tensorIn(file, full)]];
      }),
    );
  const [student, teacher] = [part("student", "backbone"), part("teacher", "backbone")];
  const wanted: Network = hints.teacher === false ? "student" : "teacher";
  const other: Network = wanted === "teacher" ? "student" : "teacher";
  const chosen = (wanted === "teacher" ? teacher : student).size > 0 ? wanted : other;
  const encoder = inner(viewOf(file, chosen === "teacher" ? teacher : student), hints);
  const rest = new Map([
    ...before("encoder.", student),
    ...before("projector.", part("student", "head")),
    ...before("teacher.projector.", part("teacher", "head")),
    ...(file.names.includes(centre) ? [["centre", tensorIn(file, centre)] as const] : []),
  ]);
  // What a run keeps is the teacher: with the student chosen it is an encoder and no more.
  const isMethod = chosen === "teacher" && student.size > 0 && rest.has("projector.mlp.0.weight") && rest.has("centre");
  return {
    ...encoder,
    layout: "dino",
    model: { ...encoder.model, ...("heads" in encoder.model && { positions: "learned", positionOffset: 0.1 }) },
    ...("heads" in encoder.model && { pool: "class" as const }),
    ...(isMethod && { method: described(name, rest, file, encoder), rest }),
    assumed: [saidOf(chosen, wanted), ...encoder.assumed],
    dropped: [
      ...encoder.dropped,
      ...lost("num_batches_tracked", file.names.filter(isCounter).length, "counters of batches, which nothing reads"),
    ],
  };
}

function saidOf(chosen: Network, wanted: Network): string {
  if (chosen !== wanted) return `the encoder is the ${chosen}: the file has no ${wanted}`;
  return chosen === "teacher"
    ? "the encoder is the teacher (--no-teacher takes the student)"
    : "the encoder is the student (--teacher takes the other)";
}

function before(prefix: string, tensors: Tensors): [string, PublishedTensor][] {
  return [...tensors].map(([own, tensor]) => [prefix + own, tensor]);
}

/** Sizes of the heads; schedules and temperatures are not in a checkpoint. */
function described(name: string, rest: Tensors, file: TensorFile, { model, image }: Reading): Described {
  const { path, options } = file;
  const linear = [...rest.keys()]
    .filter((own) => /^projector\.mlp\.\d+\.weight$/.test(own))
    .map((own) => rest.get(own));
  const layers = linear.filter((tensor) => tensor?.shape.length === 2).length;
  const [outputs = 0, bottleneck = 0] = sides(rest, path, "projector.last_layer.weight_v", 2);
  const [hidden = 0] = sides(rest, path, "projector.mlp.0.weight", 2);
  const norm = options.get("norm_last_layer");
  const patch = model["patchSize"] as number | Size | undefined;
  return {
    name,
    outputs,
    projector: {
      ...{ layers, hidden, bottleneck, batchNorm: rest.has("projector.mlp.1.running_mean") },
      ...(typeof norm === "boolean" && { normLastLayer: norm }),
    },
    ...(patch !== undefined && { augmentation: { localSize: smallCrop(image.imageSize, pair(patch)) } }),
  };
}

/** About three sevenths of a picture, in whole patches. */
function smallCrop(image: Size, patch: Size): Size {
  const side = (i: 0 | 1): number => Math.max(1, Math.round((3 * image[i]) / 7 / patch[i])) * patch[i];
  return [side(0), side(1)];
}

function isWhole({ rest }: Writable): boolean {
  return rest?.has("projector.mlp.0.weight") === true && rest.has("teacher.projector.mlp.0.weight");
}

function written({ tensors, rest = new Map() }: Writable) {
  const encoder = new Map([...tensors].filter(([own]) => !/^(?:head|fc_norm)\./.test(own)));
  const below = (prefix: string): [string, PublishedTensor][] =>
    [...rest].flatMap(([own, tensor]) => (own.startsWith(prefix) ? [[own.slice(prefix.length), tensor]] : []));
  const network = (at: string, own: Iterable<readonly [string, PublishedTensor]>, head: string) => [
    ...before(`${at}backbone.`, new Map(asStateDict([...own]))),
    ...before(`${at}head.`, new Map(below(head))),
  ];
  const kept = rest.get("centre");
  return {
    tensors: new Map([
      ...network("student.module.", below("encoder."), "projector."),
      ...network("teacher.", encoder, "teacher.projector."),
      ...(kept === undefined ? [] : [[centre, kept] as const]),
    ]),
    dropped: lost("classifier", tensors.size - encoder.size, "DINO has none"),
  };
}
