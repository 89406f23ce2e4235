import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { openTensors } from "../../../src/models/published/files.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { expectSome, pictures } from "../../models/convnet-formula.js";
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

  test("teacher, or student where that is asked for, gives the official code's features, and which one it is, is said", () => {
    for (const [teacher, theirs, said] of [
      [undefined, recorded.teacher, "the encoder is the teacher (--no-teacher takes the student)"],
      [true, recorded.teacher, "the encoder is the teacher (--no-teacher takes the student)"],
      [false, recorded.student, "the encoder is the student (--teacher takes the other)"],
    ] as const) {
      using loaded = loadModel(path, { ...hints, ...(teacher === undefined ? {} : { teacher }) });
      expect(loaded.config.model.name).toBe(model);
      expect(loaded.assumed).toContain(said);
      expect(loaded.method === undefined).toBe(teacher === false);
      noGrad(() => scope(() => expectSome(loaded.features(pictures(2, 64)), theirs, 1e-5, said)));
    }
  });

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
