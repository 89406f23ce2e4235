/** What readers of siamese checkpoints share: their networks stand below names of their own, the projector in the classifier's place. */
import type { TensorFile } from "../../models/published/files.js";
import { lost, type ReadHints, type Reading } from "../../models/published/layout.js";
import { type PublishedTensor, sides, type Tensors, tensorIn } from "../../models/published/tensors.js";

/** A file in which a layout was recognised. */
export interface Found {
  readonly file: TensorFile;
  /** What stands before its names. */
  readonly prefix: string;
  readonly hints: ReadHints;
}

/** Reads the encoder of a file, for a layout that knows what stands beside it. */
export type InnerReader = (view: TensorFile, hints: ReadHints) => Reading;

const isCounter = (name: string): boolean => name.endsWith(".num_batches_tracked");

/** What stands before a name that every such file has; undefined where none has it. @param name of a tensor, as `encoder_q.conv1.weight` */
export function prefixBefore(file: TensorFile, name: string): string | undefined {
  const found = file.names.find((own) => own === name || own.endsWith(`.${name}`));
  return found?.slice(0, found.length - name.length);
}

/** The tensors below a name, without it, but for counters. */
export function below(file: TensorFile, before: string): Map<string, PublishedTensor> {
  return new Map(
    file.names.flatMap((own): [string, PublishedTensor][] =>
      own.startsWith(before) && !isCounter(own) ? [[own.slice(before.length), tensorIn(file, own)]] : [],
    ),
  );
}

/** A network's tensors in two: the encoder's, and what stands in the place of its classifier `fc`, under `to`. */
export function split(
  tensors: Tensors,
  to: string,
): { readonly encoder: Tensors; readonly head: [string, PublishedTensor][] } {
  const isHead = (name: string): boolean => name.startsWith("fc.");
  return {
    encoder: new Map([...tensors].filter(([name]) => !isHead(name))),
    head: [...tensors].flatMap(([name, tensor]) => (isHead(name) ? [[to + name.slice("fc.".length), tensor]] : [])),
  };
}

/** Widths of a head's linear layers, first to last: [outputs, inputs]. */
export function linearSides(tensors: Tensors, before: string, path: string): (readonly number[])[] {
  return [...tensors].flatMap(([name, { shape }]) =>
    name.startsWith(before) && name.endsWith(".weight") && shape.length === 2 ? [sides(tensors, path, name, 2)] : [],
  );
}

/** What is said of PyTorch's counters. */
export function lostCounters(file: TensorFile): string[] {
  return lost("num_batches_tracked", file.names.filter(isCounter).length, "counters of batches, which nothing reads");
}

/** Names of tensors in front of which a wrapper's stands. */
export function named(
  before: string,
  tensors: Iterable<readonly [string, PublishedTensor]>,
): [string, PublishedTensor][] {
  return [...tensors].map(([name, tensor]) => [before + name, tensor]);
}
