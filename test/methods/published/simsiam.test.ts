import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { Simsiam } from "../../../src/methods/siamese/simsiam.js";
import { openTensors } from "../../../src/models/published/files.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { expectSome, pictures } from "../../models/convnet-formula.js";
import { siameseCases, writePth } from "../../models/published/recorded.js";
import { workFolder } from "../../train/example.js";

const work = workFolder("simsiam-layout");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);
const hints = { imageSize: [64, 64] } as const;
const recorded = siameseCases.simsiam;
const path = writePth(place("simsiam.pth"), recorded.tensors, "state_dict");

test("features and projections are the official code's, whose last bias is part of the mean behind it", () => {
  using loaded = loadModel(path, hints);
  expect(loaded.config.model).toMatchObject({ name: "resnet", block: "basic", width: 8 });
  const { method } = loaded;
  expect(method).toBeInstanceOf(Simsiam);
  noGrad(() =>
    scope(() => {
      const features = loaded.features(pictures(2, 64));
      expectSome(features, recorded.features, 1e-5, "features");
      expectSome((method as Simsiam).projector.call(features), recorded.projection, 1e-4, "projection");
    }),
  );
});

test("it is the method, heads included; to ours and back to the bit, but for counters and that bias", () => {
  using published = openModelFile(path, hints);
  expect(published).toMatchObject({
    layout: "simsiam",
    method: { name: "simsiam", projector: { layers: 3, hidden: 64, output: 32 }, predictor: { layers: 2, hidden: 8 } },
  });
  expect(published.dropped.join()).toContain("encoder.fc.6.bias, 1 tensors: it is not trained");
  convert(path, place("simsiam.safetensors"), hints);
  convert(place("simsiam.safetensors"), place("back.pth"), { to: "simsiam" });
  using before = openTensors(path);
  using after = openTensors(place("back.pth"));
  const kept = recorded.tensors.map(([own]) => own).filter((own) => !own.endsWith("num_batches_tracked"));
  expect([...after.names].sort()).toEqual([...kept].sort());
  const moved = ["module.encoder.fc.6.bias", "module.encoder.fc.7.running_mean"];
  for (const own of kept.filter((each) => !moved.includes(each)))
    expect(Buffer.from(after.read(own).data).equals(Buffer.from(before.read(own).data)), own).toBe(true);
  convert(place("back.pth"), place("again.safetensors"), hints);
  using first = openModelFile(place("simsiam.safetensors"));
  using second = openModelFile(place("again.safetensors"));
  for (const [own, tensor] of [...first.tensors, ...first.rest]) {
    const again = second.tensors.get(own) ?? second.rest.get(own);
    expect(Buffer.from(again?.read().data ?? []).equals(Buffer.from(tensor.read().data)), own).toBe(true);
  }
});
