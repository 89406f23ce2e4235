import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { esvitLayout } from "../../../src/methods/published/esvit.js";
import { openTensors } from "../../../src/models/published/files.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { testNetworks } from "../../models/published/networks.js";
import { siameseCases, writeTables } from "../../models/published/recorded.js";
import { workFolder } from "../../train/example.js";

const work = workFolder("esvit-layout");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);
/** What follows from the windows, and counters. */
const isKept = (name: string): boolean => !/num_batches_tracked$|relative_position_index$/.test(name);

describe.each([
  ["esvit swin", "swin", {}],
  ["esvit resnet", "resnet", { imageSize: [64, 64] as const }],
] as const)("%s", (name, model, hints) => {
  const recorded = siameseCases[name];
  const path = writeTables(place(`${model}.pth`), recorded.tensors);

  testNetworks(path, model, hints, recorded);

  test("it is the method, both heads and centres included; to ours and back to the bit, but for what follows from the windows", () => {
    using published = openModelFile(path, hints);
    expect(published.layout).toBe("esvit");
    const projector = { layers: 3, hidden: 32, bottleneck: 8, batchNorm: false };
    expect(published.method).toMatchObject({ name: "esvit", outputs: 20, projector });
    const kept = recorded.tensors.filter(([own]) => isKept(own));
    convert(path, place(`${model}.safetensors`), hints);
    const back = convert(place(`${model}.safetensors`), place(`${model} back.pth`), { to: "esvit" });
    expect(back.tensors).toBe(kept.length);
    using before = openTensors(path);
    using after = openTensors(place(`${model} back.pth`));
    expect([...after.names].sort()).toEqual(kept.map(([own]) => own).sort());
    for (const own of after.names)
      expect(Buffer.from(after.read(own).data).equals(Buffer.from(before.read(own).data)), own).toBe(true);
  });
});

test("a Swin Transformer has the authors' ε", () => {
  using published = openModelFile(writeTables(place("swin again.pth"), siameseCases["esvit swin"].tensors));
  expect(published.model).toMatchObject({ name: "swin", width: 8, patchSize: 2, window: 4, normEpsilon: 1e-6 });
});

test("norms with another ε than the authors' are written, and said", () => {
  const path = writeTables(place("swin once more.pth"), siameseCases["esvit swin"].tensors);
  const layout = esvitLayout("esvit");
  using published = openModelFile(path);
  const written = (normEpsilon: number | undefined) =>
    layout.write({ ...published, model: { name: "swin", ...(normEpsilon && { normEpsilon }) } })?.dropped;
  expect(written(1e-6)).toEqual([]);
  expect(written(undefined)).toEqual([
    expect.stringMatching(/^model\.normEpsilon 0\.00001: the authors' code has 0\.000001/),
  ]);
});

test("a file of the first phase, without heads of regions, is an encoder", () => {
  const first = siameseCases["esvit swin"].tensors.filter(([name]) => !/head_dense|center_grid/.test(name));
  using published = openModelFile(writeTables(place("views.pth"), first));
  expect(published.method).toBeUndefined();
  expect(published.model).toMatchObject({ name: "swin", normEpsilon: 1e-6 });
});
