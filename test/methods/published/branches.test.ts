import { expect, test } from "vitest";
import {
  below,
  linearSides,
  lostCounters,
  named,
  prefixBefore,
  split,
} from "../../../src/methods/published/branches.js";
import type { TensorFile } from "../../../src/models/published/files.js";

/** A file of these names, each tensor its own name's place. */
function fileOf(...names: string[]): TensorFile {
  const entry = (name: string) => ({ dtype: "F32", shape: [names.indexOf(name) + 1, 2] }) as const;
  const read = (name: string) => ({ ...entry(name), data: new Uint8Array(0) });
  return { names, entry, read } as unknown as TensorFile;
}

test("a prefix is what stands before a whole name, and nothing where the name is not there", () => {
  const file = fileOf("module.encoder_q.conv1.weight", "module.queue");
  expect(prefixBefore(file, "encoder_q.conv1.weight")).toBe("module.");
  expect(prefixBefore(file, "queue")).toBe("module.");
  expect(prefixBefore(fileOf("queue"), "queue")).toBe("");
  expect(prefixBefore(file, "q.conv1.weight")).toBeUndefined(); // of another name
});

test("a network is split into encoder and head; counters are left out and counted", () => {
  const file = fileOf("m.conv1.weight", "m.bn1.num_batches_tracked", "m.fc.0.weight", "m.fc.2.weight", "n.fc.0.weight");
  const { encoder, head } = split(below(file, "m."), "projector.");
  expect([...encoder.keys()]).toEqual(["conv1.weight"]);
  expect(head.map(([name]) => name)).toEqual(["projector.0.weight", "projector.2.weight"]);
  expect(linearSides(new Map(head), "projector.", "file")).toEqual([
    [3, 2],
    [4, 2],
  ]);
  expect(named("a.", head).map(([name]) => name)).toEqual(["a.projector.0.weight", "a.projector.2.weight"]);
  expect(lostCounters(file)).toEqual(["num_batches_tracked, 1 tensors: counters of batches, which nothing reads"]);
});
