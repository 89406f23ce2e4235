import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { openTensors } from "../../../src/models/published/files.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { expectSome, pictures } from "../../models/convnet-formula.js";
import { siameseCases, writePth } from "../../models/published/recorded.js";
import { workFolder } from "../../train/example.js";

const work = workFolder("moco-v1-layout");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);
const hints = { imageSize: [64, 64] } as const;

describe.each([1, 2] as const)("v%i", (version) => {
  const recorded = siameseCases[`moco v${version}`];
  const path = writePth(place(`v${version}.pth`), recorded.tensors, "state_dict");

  test("query and key encoder give the official code's features, and which one it is, is said", () => {
    for (const [teacher, theirs, said] of [
      [false, recorded.student, "the encoder is the query encoder (encoder_q; --teacher takes the other)"],
      [true, recorded.teacher, "the encoder is the key encoder (encoder_k)"],
    ] as const) {
      using loaded = loadModel(path, { ...hints, teacher });
      expect(loaded.config.model).toMatchObject({ name: "resnet", block: "basic", width: 8 });
      expect(loaded.assumed).toContain(said);
      noGrad(() => scope(() => expectSome(loaded.features(pictures(2, 64)), theirs, 1e-5, said)));
    }
  });

  test("it is the method, key encoder and queue included; to ours and back to the bit, but for counters", () => {
    using published = openModelFile(path, hints);
    expect(published).toMatchObject({ layout: "moco", method: { name: "moco", version, queue: 24, output: 16 } });
    expect(published.dropped.join()).toContain("queue_ptr, 1 tensors: where keys join follows from the step");
    convert(path, place(`v${version}.safetensors`), hints);
    const back = place(`v${version} back.pth`);
    convert(place(`v${version}.safetensors`), back, { to: "moco" });
    using before = openTensors(path);
    using after = openTensors(back);
    const kept = recorded.tensors.map(([own]) => own).filter((own) => !own.endsWith("num_batches_tracked"));
    expect([...after.names].sort()).toEqual([...kept].sort());
    for (const own of kept.filter((each) => !each.endsWith("queue_ptr")))
      expect(Buffer.from(after.read(own).data).equals(Buffer.from(before.read(own).data)), own).toBe(true);
    expect(after.entry("module.queue_ptr")).toMatchObject({ dtype: "I64", shape: [1] });
  });
});
