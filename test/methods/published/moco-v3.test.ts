import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { mocoV3Layout } from "../../../src/methods/published/moco-v3.js";
import { openTensors } from "../../../src/models/published/files.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { expectSome, pictures } from "../../models/convnet-formula.js";
import { cases, writePth } from "../../models/published/recorded.js";
import { workFolder } from "../../train/example.js";

const work = workFolder("moco-layout");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);
const hints = { imageSize: [64, 64] } as const;

describe.each([
  ["moco-v3 vit", "vit"],
  ["moco-v3 resnet", "resnet"],
] as const)("%s", (name, model) => {
  const recorded = cases[name];
  const path = writePth(place(`${model}.pth`), recorded.tensors, "state_dict");

  test("student and teacher give the official code's features, and which one it is, is said", () => {
    for (const [teacher, theirs, said] of [
      [false, recorded.base_encoder, "the encoder is the student (base_encoder; --teacher takes the other)"],
      [true, recorded.momentum_encoder, "the encoder is the teacher (momentum_encoder)"],
    ] as const) {
      using loaded = loadModel(path, { ...hints, teacher });
      expect(loaded.config.model.name).toBe(model);
      expect(loaded.assumed).toContain(said);
      noGrad(() => scope(() => expectSome(loaded.features(pictures(2, 64)), theirs, 1e-5, said)));
    }
  });

  test("with both it is the method, heads included; to ours and back to the bit, but for counters", () => {
    using published = openModelFile(path, hints);
    const head = { layers: model === "vit" ? 3 : 2, hidden: 32, output: 16, lastNorm: true };
    expect(published.method).toMatchObject({ name: "mocoV3", projector: head, predictor: { layers: 2, hidden: 32 } });
    const { length } = recorded.tensors.filter(([own]) => !own.endsWith("num_batches_tracked"));
    convert(path, place(`${model}.safetensors`), hints);
    expect(convert(place(`${model}.safetensors`), place(`${model} back.pth`), { to: "moco-v3" }).tensors).toBe(length);
    using before = openTensors(path);
    using after = openTensors(place(`${model} back.pth`));
    expect(after.names).toHaveLength(length);
    for (const own of after.names)
      expect(Buffer.from(after.read(own).data).equals(Buffer.from(before.read(own).data)), own).toBe(true);
  });
});

test("a run whose teacher shares the student's features has no momentum encoder to write", () => {
  const rest = new Map(["projector.0.weight", "teacher.projector.0.weight"].map((name) => [name, {} as never]));
  const model = { method: { name: "mocoV3" }, rest, tensors: new Map() } as never;
  expect(mocoV3Layout("mocoV3").write(model)).toBeUndefined();
  rest.set("teacher.encoder.cls_token", { dtype: "F32", shape: [1], data: new Uint8Array(4) } as never);
  expect(mocoV3Layout("mocoV3").write(model)?.tensors.size).toBe(3);
});

test("heads are the official code's twelve, which is said, unless told; features are the class token", () => {
  const path = writePth(place("heads.pth"), cases["moco-v3 vit"].tensors, "state_dict");
  using published = openModelFile(path);
  expect(published).toMatchObject({ layout: "moco-v3", model: { name: "vit", width: 48, heads: 12 }, pool: "class" });
  expect(published.assumed).toContain("encoder heads 12, as in the official code (--heads says otherwise)");
  using told = openModelFile(path, { heads: 6 });
  expect(told.model["heads"]).toBe(6);
  expect(told.assumed.filter((line) => line.includes("heads"))).toEqual([]);
});
