import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openTensors } from "../../../src/models/published/files.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { cases, writePth } from "../../models/published/recorded.js";
import { workFolder } from "../../train/example.js";

const work = workFolder("fcmae-layout");
afterAll(work.remove);

test("kernels lie as a dense convolution's, their rows and columns changed over (remap_checkpoint_keys)", () => {
  const path = writePth(join(work.path, "sparse.pth"), cases.fcmae.tensors, "model");
  using published = openModelFile(path, { imageSize: [64, 64] });
  expect(published).toMatchObject({ layout: "fcmae", method: { name: "fcmae" }, model: { widths: [8, 16, 24, 32] } });
  const floats = (data: Uint8Array): Float32Array => new Float32Array(Uint8Array.from(data).buffer);
  const dense = published.tensors.get("stages.0.0.dwconv.weight");
  expect(dense?.shape).toEqual([8, 1, 7, 7]);
  const [values, theirs] = [floats(dense?.read().data as Uint8Array), kernel()];
  for (const [channel, row, column] of [
    [0, 0, 1],
    [3, 2, 5],
    [7, 6, 0],
  ] as const)
    expect(values[channel * 49 + row * 7 + column]).toBe(theirs[(column * 7 + row) * 8 + channel]);
});

function kernel(): Float32Array {
  using file = openTensors(join(work.path, "sparse.pth"));
  return new Float32Array(Uint8Array.from(file.read("encoder.stages.0.0.dwconv.kernel").data).buffer);
}

test("a tensor that is not FCMAE's is refused", () => {
  const more = ["queue", [4, 4]] as const;
  const path = writePth(join(work.path, "more.pth"), [...cases.fcmae.tensors, more], "model");
  expect(() => openModelFile(path)).toThrow(/a tensor queue is not known/);
});
