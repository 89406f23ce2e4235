/**
 * `swav`: checkpoints of facebookresearch/swav, a ResNet with `projection_head` and `prototypes` beside its layers. The queue is not in
 * them.
 */
import {
  type Described,
  type Layout,
  lost,
  type Reading,
  viewOf,
  type Writable,
} from "../../models/published/layout.js";
import { asStateDict, type PublishedTensor, sides, type Tensors } from "../../models/published/tensors.js";
import { below, type Found, type InnerReader, lostCounters } from "./branches.js";

const anchor = "prototypes.weight";
const head = /^projection_head\./;

/** @param name the method's, as configurations say it */
export function swavLayout(name: string): Layout {
  return {
    name: "swav",
    form: "pth",
    under: "state_dict",
    anchors: [],
    read(file, hints, inner) {
      const prefix = file.names
        .map((own) => /^(.*?)prototypes\.weight$/.exec(own)?.[1])
        .find((own) => own !== undefined);
      const hasHead = file.names.some((own) => own.startsWith(`${prefix}projection_head.`));
      return prefix === undefined || !hasHead ? undefined : readingOf(name, { file, prefix, hints }, inner);
    },
    write: (model) => (model.method?.name === name && model.rest?.has(anchor) === true ? written(model) : undefined),
  };
}

function readingOf(name: string, { file, prefix, hints }: Found, inner: InnerReader): Reading {
  const isHead = (one: string): boolean => head.test(one) || one === anchor;
  const tensors = [...below(file, prefix)];
  const rest = new Map(
    tensors.flatMap(([one, tensor]) => (isHead(one) ? [[one.replace(head, "projector."), tensor] as const] : [])),
  );
  const encoder = inner(viewOf(file, new Map(tensors.filter(([one]) => !isHead(one)))), hints);
  return {
    ...encoder,
    layout: "swav",
    method: described(name, rest, file.path),
    rest,
    dropped: [...encoder.dropped, ...lostCounters(file)],
  };
}

/** Sizes of head and prototypes; temperature and smoothness are not in a checkpoint. */
function described(name: string, rest: Tensors, path: string): Described {
  const linear = [...rest.values()].filter(({ shape }) => shape.length === 2).length - 1; // without the prototypes
  const [prototypes = 0, output = 0] = sides(rest, path, anchor, 2);
  const [hidden = 0] = sides(rest, path, "projector.0.weight", 2);
  return { name, prototypes, projector: { layers: linear, hidden, output } };
}

function written({ tensors, rest = new Map() }: Writable) {
  const encoder = new Map([...tensors].filter(([own]) => !/^(?:head|fc_norm)\./.test(own)));
  const named = (prefix: string, to: string): [string, PublishedTensor][] =>
    [...rest].flatMap(([own, tensor]) =>
      own.startsWith(prefix) ? [[`module.${to}${own.slice(prefix.length)}`, tensor]] : [],
    );
  const queues = [...rest.keys()].filter((own) => own.startsWith("queues."));
  return {
    tensors: new Map([
      ...asStateDict([...encoder]).map(([own, tensor]): [string, PublishedTensor] => [`module.${own}`, tensor]),
      ...named("projector.", "projection_head."),
      ...named("prototypes.", "prototypes."),
    ]),
    dropped: [
      ...lost("classifier", tensors.size - encoder.size, "SwAV has none"),
      ...lost("queue", queues.length, "SwAV keeps it in files of its own"),
    ],
  };
}
