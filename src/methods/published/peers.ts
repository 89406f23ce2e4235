/**
 * `solo-learn` and `lightly`: encoders of BYOL and its relatives as these libraries keep them, student and target side by side. Their heads
 * differ from the authors' in biases and are left out: such a file is an encoder.
 */
import type { TensorFile } from "../../models/published/files.js";
import { type Layout, lost, type ReadHints, type Reading, viewOf } from "../../models/published/layout.js";
import { below, lostCounters } from "./branches.js";

const student = "backbone.";

/** @param name the library's @param target before the names of the target's encoder */
function layoutOf(name: string, target: string): Layout {
  return {
    name,
    form: "pth",
    under: "state_dict",
    anchors: [],
    read(file, hints, inner) {
      const isThere = (part: string): boolean => file.names.some((own) => own.startsWith(part));
      return isThere(student) && isThere(target) ? readingOf(name, file, { target, hints }, inner) : undefined;
    },
    write: () => undefined,
  };
}

/** Files with two encoders in them; with one they are an encoder's own layout, below a prefix. */
export const peerLayouts: readonly Layout[] = [
  layoutOf("solo-learn", "momentum_backbone."),
  layoutOf("lightly", "teacher_backbone."),
];

function readingOf(
  name: string,
  file: TensorFile,
  { target, hints }: { readonly target: string; readonly hints: ReadHints },
  inner: (view: TensorFile, hints: ReadHints) => Reading,
): Reading {
  const isTarget = hints.teacher === true;
  const encoder = inner(viewOf(file, below(file, isTarget ? target : student)), hints);
  const others = file.names.filter((own) => !own.startsWith(student) && !own.startsWith(target));
  return {
    ...encoder,
    layout: name,
    assumed: [
      isTarget
        ? `the encoder is the target (${target}*)`
        : `the encoder is the student (${student}*; --teacher takes the other)`,
      ...encoder.assumed,
    ],
    dropped: [
      ...encoder.dropped,
      ...lostCounters(file),
      ...lost("heads", others.length, "the file is read as an encoder"),
    ],
  };
}
