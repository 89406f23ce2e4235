/**
 * `moco-v3`: checkpoints of facebookresearch/moco-v3. Student and teacher stand below `base_encoder.` and `momentum_encoder.`, each
 * with its projector in the place of its classifier (`head` of a ViT, `fc` of a ResNet); the predictor beside them.
 */
import type { TensorFile } from "../../models/published/files.js";
import {
  type Described,
  type Layout,
  lost,
  type Reading,
  viewOf,
  type Writable,
} from "../../models/published/layout.js";
import { asStateDict, type PublishedTensor, sides, type Tensors, tensorIn } from "../../models/published/tensors.js";

const isCounter = (name: string): boolean => name.endsWith(".num_batches_tracked");
/** Of every ViT of the official code, ViT-S too: its heads are 32 wide there. */
const heads = 12;

/** @param name the method's, as configurations say it */
export function mocoV3Layout(name: string): Layout {
  return {
    name: "moco-v3",
    form: "pth",
    under: "state_dict",
    anchors: [],
    read(file, hints, inner) {
      const prefix = file.names.map((own) => /^(.*?)base_encoder\./.exec(own)?.[1]).find((own) => own !== undefined);
      if (prefix === undefined) return undefined;
      return readingOf(name, file, { prefix, teacher: hints.teacher === true, heads: hints.heads }, (view) =>
        inner(view, { ...hints, heads: hints.heads ?? heads }),
      );
    },
    write: (model) => (model.method?.name === name && isWhole(model) ? written(model) : undefined),
  };
}

interface Chosen {
  readonly prefix: string;
  readonly teacher: boolean;
  /** As the person who asks says. */
  readonly heads: number | undefined;
}

function readingOf(
  name: string,
  file: TensorFile,
  { prefix, teacher, heads: told }: Chosen,
  inner: (view: TensorFile) => Reading,
): Reading {
  const below = (part: string, more: (rest: string) => boolean = () => true): [string, PublishedTensor][] =>
    file.names.flatMap((full) => {
      const own = full.startsWith(prefix + part) ? full.slice(prefix.length + part.length) : undefined;
      return own === undefined || isCounter(full) || !more(own) ? [] : [[own, tensorIn(file, full)]];
    });
  const isHead = (own: string): boolean => /^(?:head|fc)\./.test(own);
  const encoderOf = (part: string): Map<string, PublishedTensor> => new Map(below(part, (own) => !isHead(own)));
  const projectorOf = (part: string, before: string): [string, PublishedTensor][] =>
    below(part, isHead).map(([own, tensor]) => [own.replace(/^(?:head|fc)\./, before), tensor]);
  const [student, momentum] = [encoderOf("base_encoder."), encoderOf("momentum_encoder.")];
  const hasTeacher = momentum.size > 0;
  const isTeacher = teacher && hasTeacher;
  const rest = new Map<string, PublishedTensor>([
    ...projectorOf("base_encoder.", "projector."),
    ...below("predictor.").map(([own, tensor]): [string, PublishedTensor] => [`predictor.${own}`, tensor]),
    ...[...momentum].map(([own, tensor]): [string, PublishedTensor] => [`teacher.encoder.${own}`, tensor]),
    ...projectorOf("momentum_encoder.", "teacher.projector."),
  ]);
  const encoder = inner(viewOf(file, isTeacher ? momentum : student));
  const said = isTeacher
    ? "the encoder is the teacher (momentum_encoder)"
    : "the encoder is the student (base_encoder; --teacher takes the other)";
  const isUsual = told === undefined && "heads" in encoder.model;
  return {
    ...encoder,
    layout: "moco-v3",
    ...("heads" in encoder.model && { pool: "class" as const }),
    // A teacher alone has no heads to be trained on with.
    ...(hasTeacher &&
      !isTeacher &&
      rest.has("predictor.0.weight") && { method: described(name, rest, file.path), rest }),
    assumed: [
      ...(hasTeacher ? [said] : []),
      ...(isUsual ? [`encoder heads ${heads}, as in the official code (--heads says otherwise)`] : []),
      ...encoder.assumed,
    ],
    dropped: [
      ...encoder.dropped,
      ...lost("num_batches_tracked", file.names.filter(isCounter).length, "counters of batches, which nothing reads"),
    ],
  };
}

/** Sizes of the heads; schedules and temperature are not in a checkpoint. */
function described(name: string, rest: Tensors, path: string): Described {
  return { name, projector: headOf(rest, path, "projector."), predictor: headOf(rest, path, "predictor.") };
}

function headOf(rest: Tensors, path: string, before: string) {
  const linear = [...rest].filter(([own, { shape }]) => own.startsWith(before) && shape.length === 2);
  const last = linear.at(-1)?.[0] ?? `${before}0.weight`;
  const behind = Number(last.slice(before.length).split(".")[0]) + 1;
  const hidden = sides(rest, path, `${before}0.weight`, 2)[0] ?? 0;
  const output = sides(rest, path, last, 2)[0] ?? 0;
  const isProjector = before === "projector.";
  return {
    layers: linear.length,
    hidden,
    batchNorm: linear.length < 2 || rest.has(`${before}1.running_mean`),
    ...(isProjector && { output }),
    lastNorm: rest.has(`${before}${behind}.running_mean`),
  };
}

function isWhole({ rest }: Writable): boolean {
  const has = (start: string): boolean => [...(rest?.keys() ?? [])].some((own) => own.startsWith(start));
  return ["projector.", "teacher.encoder.", "teacher.projector."].every(has);
}

function written({ tensors, rest = new Map() }: Writable) {
  const encoder = new Map([...tensors].filter(([own]) => !/^(?:head|fc_norm)\./.test(own)));
  const head = tensors.has("cls_token") ? "head." : "fc.";
  const below = (before: string): [string, PublishedTensor][] =>
    [...rest].flatMap(([own, tensor]) => (own.startsWith(before) ? [[own.slice(before.length), tensor]] : []));
  const model = (at: string, own: Iterable<readonly [string, PublishedTensor]>, projector: string) => [
    ...asStateDict([...own]).map(([key, tensor]): [string, PublishedTensor] => [`module.${at}.${key}`, tensor]),
    ...below(projector).map(([key, tensor]): [string, PublishedTensor] => [`module.${at}.${head}${key}`, tensor]),
  ];
  return {
    tensors: new Map([
      ...model("base_encoder", encoder, "projector."),
      ...model("momentum_encoder", below("teacher.encoder."), "teacher.projector."),
      ...below("predictor.").map(([key, tensor]): [string, PublishedTensor] => [`module.predictor.${key}`, tensor]),
    ]),
    dropped: lost("classifier", tensors.size - encoder.size, "MoCo v3 has none"),
  };
}
