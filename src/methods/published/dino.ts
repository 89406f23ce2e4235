/**
 * `dino`: checkpoints of facebookresearch/dino's training, a dictionary of student, teacher and the loss with its centre; each network
 * has its encoder below `backbone.` and its head below `head.`. Files of a backbone alone are the encoder's own layout.
 */
import type { Pool } from "../../models/encoder.js";
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
import { type InnerReader, lostCounters, named } from "./branches.js";

/** A head as a file has it, and where a method's state has the student's and the teacher's. */
interface HeadPlaces {
  readonly theirs: string;
  readonly student: string;
  readonly teacher: string;
}

/** What tells checkpoints of DINO's training and of those who built on its code apart. */
export interface SelfDistilled {
  /** The layout's name. */
  readonly layout: string;
  /** The method's, as configurations say it. */
  readonly name: string;
  /** Whether a file with these names is of this layout. */
  is(names: readonly string[]): boolean;
  /** What stands before the encoder's names in a network, given the names there, theirs or ours. */
  encoderAt(names: readonly string[]): string;
  /** The heads; the first is the one by which sizes are told. */
  readonly heads: readonly HeadPlaces[];
  /** Names of the loss's centres, and of the method's state. */
  readonly centres: readonly (readonly [theirs: string, ours: string])[];
  /** What else is known of the encoder. */
  known(model: Described): { readonly model?: Readonly<Record<string, unknown>>; readonly pool?: Pool };
  /** What the authors' code would compute otherwise of an encoder that is written, in words. */
  differs?(model: Writable): readonly string[];
}

const network = /^(student|teacher)\.(?:module\.)?(.+)$/;

type Network = "student" | "teacher";

/** @param name the method's, as configurations say it */
export function dinoLayout(name: string): Layout {
  return selfDistilledLayout({
    layout: "dino",
    name,
    is: (names) =>
      names.some((own) => /^(student|teacher)\.(module\.)?backbone\./.test(own)) &&
      !names.some((own) => own.includes("head_dense.")),
    encoderAt: () => "backbone.",
    heads: [{ theirs: "head.", student: "projector.", teacher: "teacher.projector." }],
    centres: [["dino_loss.center", "centre"]],
    known: (model) =>
      "heads" in model ? { model: { positions: "learned", positionOffset: 0.1 }, pool: "class" as const } : {},
  });
}

/** Checkpoints with a student, a teacher and the loss beside each other, each network an encoder and heads. */
export function selfDistilledLayout(spec: SelfDistilled): Layout {
  return {
    name: spec.layout,
    form: "pth",
    tables: true,
    anchors: [],
    read: (file, hints, inner) => (spec.is(file.names) ? readingOf(spec, file, hints, inner) : undefined),
    write: (model) => (model.method?.name === spec.name && isWhole(spec, model) ? written(spec, model) : undefined),
  };
}

function readingOf(spec: SelfDistilled, file: TensorFile, hints: ReadHints, inner: InnerReader): Reading {
  const [student, teacher] = [partsOf(spec, file, "student"), partsOf(spec, file, "teacher")];
  const wanted: Network = hints.teacher === false ? "student" : "teacher";
  const other: Network = wanted === "teacher" ? "student" : "teacher";
  const chosen = (wanted === "teacher" ? teacher : student).encoder.size > 0 ? wanted : other;
  const encoder = inner(viewOf(file, (chosen === "teacher" ? teacher : student).encoder), hints);
  const rest = new Map([
    ...named("encoder.", student.encoder),
    ...spec.heads.flatMap((head, i) => [
      ...named(head.student, student.heads[i] ?? []),
      ...named(head.teacher, teacher.heads[i] ?? []),
    ]),
    ...spec.centres.flatMap(([theirs, ours]) =>
      file.names.includes(theirs) ? [[ours, tensorIn(file, theirs)] as const] : [],
    ),
  ]);
  const hasAll = [
    ...spec.heads.map(({ student: ours }) => `${ours}mlp.0.weight`),
    ...spec.centres.map(([, ours]) => ours),
  ].every((own) => rest.has(own));
  // What a run keeps is the teacher: with the student chosen it is an encoder and no more.
  const isMethod = chosen === "teacher" && student.encoder.size > 0 && hasAll;
  const { model, pool } = spec.known(encoder.model);
  return {
    ...encoder,
    layout: spec.layout,
    model: { ...encoder.model, ...model },
    ...(pool !== undefined && { pool }),
    ...(isMethod && { method: described(spec.name, rest, file, encoder), rest }),
    assumed: [saidOf(chosen, wanted), ...encoder.assumed],
    dropped: [...encoder.dropped, ...lostCounters(file)],
  };
}

/** A network's encoder, and its heads in the order in which they are named, without what stands before their names. */
function partsOf(
  { heads, encoderAt }: SelfDistilled,
  file: TensorFile,
  of: Network,
): { readonly encoder: Map<string, PublishedTensor>; readonly heads: readonly [string, PublishedTensor][][] } {
  const own = file.names.flatMap((full): [own: string, full: string][] => {
    const [, which, name = ""] = network.exec(full) ?? [];
    return which !== of || full.endsWith(".num_batches_tracked") ? [] : [[name, full]];
  });
  const at = encoderAt(own.map(([name]) => name));
  const isHead = (name: string): boolean => heads.some(({ theirs }) => name.startsWith(theirs));
  const below = (prefix: string, chosen: typeof own): [string, PublishedTensor][] =>
    chosen.flatMap(([name, full]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensorIn(file, full)]] : [],
    );
  return {
    encoder: new Map(
      below(
        at,
        own.filter(([name]) => !isHead(name)),
      ),
    ),
    heads: heads.map(({ theirs }) => below(theirs, own)),
  };
}

function saidOf(chosen: Network, wanted: Network): string {
  if (chosen !== wanted) return `the encoder is the ${chosen}: the file has no ${wanted}`;
  return chosen === "teacher"
    ? "the encoder is the teacher (--no-teacher takes the student)"
    : "the encoder is the student (--teacher takes the other)";
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

function isWhole({ heads }: SelfDistilled, { rest }: Writable): boolean {
  return heads.every(({ student, teacher }) =>
    [student, teacher].every((before) => rest?.has(`${before}mlp.0.weight`) === true),
  );
}

function written({ heads, centres, encoderAt, differs }: SelfDistilled, model: Writable) {
  const { tensors, rest = new Map() } = model;
  const encoder = new Map([...tensors].filter(([own]) => !/^(?:head|fc_norm)\./.test(own)));
  const at = encoderAt([...encoder.keys()]);
  const below = (prefix: string): [string, PublishedTensor][] =>
    [...rest].flatMap(([own, tensor]) => (own.startsWith(prefix) ? [[own.slice(prefix.length), tensor]] : []));
  const network = (before: string, own: Iterable<readonly [string, PublishedTensor]>, of: Network) => [
    ...named(before + at, asStateDict([...own])),
    ...heads.flatMap((head) => named(before + head.theirs, below(head[of]))),
  ];
  return {
    tensors: new Map([
      ...network("student.module.", below("encoder."), "student"),
      ...network("teacher.", encoder, "teacher"),
      ...centres.flatMap(([theirs, ours]): [string, PublishedTensor][] => {
        const kept = rest.get(ours);
        return kept === undefined ? [] : [[theirs, kept]];
      }),
    ]),
    dropped: [
      ...lost("classifier", tensors.size - encoder.size, "it was trained without one"),
      ...(differs?.(model) ?? []),
    ],
  };
}
