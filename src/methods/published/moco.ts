/**
 * `moco`: checkpoints of facebookresearch/moco, v1 and v2: query and key encoder below `encoder_q.` and `encoder_k.`, each with its
 * projector in the place of its classifier; the queue [D K] beside them.
 */
import {
  type Described,
  type Layout,
  lost,
  type Reading,
  viewOf,
  type Writable,
} from "../../models/published/layout.js";
import { asStateDict, type PublishedTensor, permuted, sides, type Tensors } from "../../models/published/tensors.js";
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

const queue = "queue.keys";

/** @param name the method's, as configurations say it */
export function mocoLayout(name: string): Layout {
  return {
    name: "moco",
    form: "pth",
    under: "state_dict",
    anchors: [],
    read(file, hints, inner) {
      const prefix = prefixBefore(file, "encoder_q.conv1.weight");
      return prefix === undefined ? undefined : readingOf(name, { file, prefix, hints }, inner);
    },
    write: (model) => (model.method?.name === name && isWhole(model) ? written(model) : undefined),
  };
}

function readingOf(name: string, { file, prefix, hints }: Found, inner: InnerReader): Reading {
  // Version 1 has one linear layer there, version 2 a chain of two.
  const numbered = (part: string): Tensors =>
    new Map(
      [...below(file, prefix + part)].map(([own, tensor]) => [own.replace(/^fc\.(weight|bias)$/, "fc.0.$1"), tensor]),
    );
  const [query, key] = [
    split(numbered("encoder_q."), "projector."),
    split(numbered("encoder_k."), "teacher.projector."),
  ];
  const keys = below(file, prefix).get("queue"); // [D K]
  const isTeacher = hints.teacher === true && key.encoder.size > 0;
  const rest = new Map<string, PublishedTensor>([
    ...query.head,
    ...named("teacher.encoder.", key.encoder),
    ...key.head,
    ...(keys === undefined ? [] : [[queue, permuted(keys, [1, 0])] as const]),
  ]);
  const isWhole = rest.has(queue) && key.encoder.size > 0 && query.head.length > 0;
  const encoder = inner(viewOf(file, isTeacher ? key.encoder : query.encoder), hints);
  const said = isTeacher
    ? "the encoder is the key encoder (encoder_k)"
    : "the encoder is the query encoder (encoder_q; --teacher takes the other)";
  return {
    ...encoder,
    layout: "moco",
    ...(isWhole && !isTeacher && { method: described(name, rest, file.path), rest }),
    assumed: [...(key.encoder.size > 0 ? [said] : []), ...encoder.assumed],
    dropped: [
      ...encoder.dropped,
      ...lostCounters(file),
      ...lost("queue_ptr", below(file, prefix).has("queue_ptr") ? 1 : 0, "where keys join follows from the step"),
    ],
  };
}

/** Sizes of head and queue; temperature and momentum are not in a checkpoint. */
function described(name: string, rest: Tensors, path: string): Described {
  const linear = linearSides(rest, "projector.", path);
  const [length = 0, output = 0] = sides(rest, path, queue, 2);
  return { name, version: linear.length > 1 ? 2 : 1, queue: length, output };
}

/** A key encoder that shares the query encoder's features has none of its own to write. */
function isWhole({ rest }: Writable): boolean {
  const has = (start: string): boolean => [...(rest?.keys() ?? [])].some((own) => own.startsWith(start));
  return [queue, "projector.", "teacher.encoder.conv1.", "teacher.projector."].every(has);
}

function written({ tensors, rest = new Map() }: Writable) {
  const encoder = new Map([...tensors].filter(([own]) => !/^head\./.test(own)));
  const part = (before: string): [string, PublishedTensor][] =>
    [...rest].flatMap(([own, tensor]) => (own.startsWith(before) ? [[own.slice(before.length), tensor]] : []));
  const isChain = rest.has("projector.2.weight");
  const head = (before: string): [string, PublishedTensor][] =>
    part(before).map(([own, tensor]) => [`fc.${isChain ? own : own.replace(/^0\./, "")}`, tensor]);
  const network = (at: string, own: Iterable<readonly [string, PublishedTensor]>, projector: string) =>
    named(`module.${at}.`, [...asStateDict([...own]), ...head(projector)]);
  const keys = rest.get(queue) as PublishedTensor; // [K D]
  const first = { dtype: "I64", shape: [1] } as const;
  const start: PublishedTensor = { ...first, read: () => ({ ...first, data: new Uint8Array(8) }) };
  return {
    tensors: new Map<string, PublishedTensor>([
      ["module.queue", permuted(keys, [1, 0])],
      ["module.queue_ptr", start],
      ...network("encoder_q", encoder, "projector."),
      ...network("encoder_k", part("teacher.encoder."), "teacher.projector."),
    ]),
    dropped: lost("classifier", tensors.size - encoder.size, "MoCo has none"),
  };
}
