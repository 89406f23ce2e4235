import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openTensors } from "../../../src/models/published/files.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { testNetworks } from "../../models/published/networks.js";
import { siameseCases, writeTables } from "../../models/published/recorded.js";
import { workFolder } from "../../train/example.js";

const work = workFolder("dino-layout");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);

describe.each([
  ["dino vit", "vit", { heads: 3 }],
  ["dino resnet", "resnet", { imageSize: [64, 64] as const }],
] as const)("%s", (name, model, hints) => {
  const recorded = siameseCases[name];
  const path = writeTables(place(`${model}.pth`), recorded.tensors);

  testNetworks(path, model, hints, recorded);

  test("it is the method, heads and centre included; to ours and back to the bit, but for counters", () => {
    using published = openModelFile(path, hints);
    const head = { layers: 3, hidden: 32, bottleneck: 8, batchNorm: model === "resnet" };
    expect(published.method).toMatchObject({ name: "dino", outputs: 20, projector: head });
    const { length } = recorded.tensors.filter(([own]) => !own.endsWith("num_batches_tracked"));
    convert(path, place(`${model}.safetensors`), hints);
    expect(convert(place(`${model}.safetensors`), place(`${model} back.pth`), { to: "dino" }).tensors).toBe(length);
    using before = openTensors(path);
    using after = openTensors(place(`${model} back.pth`));
    expect(after.names).toHaveLength(length);
    for (const own of after.names)
      expect(Buffer.from(after.read(own).data).equals(Buffer.from(before.read(own).data)), own).toBe(true);
  });
});

test("a ViT has learned positions, resized as DINO does, and its class token for features", () => {
  using published = openModelFile(writeTables(place("vit again.pth"), siameseCases["dino vit"].tensors), { heads: 3 });
  expect(published).toMatchObject({
    layout: "dino",
    pool: "class",
    model: { name: "vit", width: 48, heads: 3, positions: "learned", positionOffset: 0.1 },
  });
});

test("a file without a teacher gives the student, and says so", () => {
  const alone = siameseCases["dino vit"].tensors.filter(([name]) => name.startsWith("student."));
  using published = openModelFile(writeTables(place("student.pth"), alone), { heads: 3 });
  expect(published.assumed).toContain("the encoder is the student: the file has no teacher");
  expect(published.method).toBeUndefined();
});
