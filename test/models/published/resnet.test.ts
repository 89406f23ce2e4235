import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { loadClassifier } from "../../../src/finetune/load.js";
import { openTensors } from "../../../src/models/published/files.js";
import { openPublished } from "../../../src/models/published/open.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { workFolder } from "../../train/example.js";
import { expectSome, pictures } from "../convnet-formula.js";
import { cases, writePth, writeWeights } from "./recorded.js";

const work = workFolder("resnet-layouts");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);
const hints = { imageSize: [64, 64] } as const;

describe.each(["resnet18", "resnet34", "resnet50"] as const)("%s", (size) => {
  const { tensors, features, logits, timm } = cases[size];

  test("torchvision's file and timm's compute what those compute", () => {
    const torchvision = writePth(place(`${size}.pth`), tensors);
    using model = loadModel(torchvision, hints);
    noGrad(() => scope(() => expectSome(model.features(pictures(2, 64)), features, 1e-5, "features")));
    for (const [path, theirs] of [
      [torchvision, logits],
      [writeWeights(place(`${size}.safetensors`), tensors), timm],
    ] as const) {
      using classifier = loadClassifier(path, hints);
      noGrad(() => scope(() => expectSome(classifier.model.call(pictures(2, 64)), theirs, 1e-5, "logits")));
    }
  });
});

test("what is assumed and left out is said", () => {
  using published = openPublished(writePth(place("said.pth"), cases.resnet18.tensors));
  expect(published).toMatchObject({
    layout: "torchvision",
    model: { name: "resnet", block: "basic", depths: [2, 2, 2, 2], width: 64, stem: "imagenet" },
    classifier: { classes: 3, pool: "mean" },
    assumed: [
      "pictures of 224 × 224 (--image-size says otherwise)",
      "pictures normalised by ImageNet's mean and deviation (--mean and --std say otherwise)",
    ],
    dropped: ["num_batches_tracked, 20 tensors: counters of batches, which nothing reads"],
  });
});

test.each([
  ["torchvision", "back.pth"],
  ["timm", "back.safetensors"],
] as const)("to ours and back to %s: every tensor but the counters to the bit", (to, out) => {
  const from = writePth(place("from.pth"), cases.resnet18.tensors);
  convert(from, place(`${to} ours.safetensors`), hints);
  convert(place(`${to} ours.safetensors`), place(out), { to });
  using before = openTensors(from);
  using after = openTensors(place(out));
  const kept = before.names.filter((name) => !name.endsWith("num_batches_tracked"));
  expect([...after.names].sort()).toEqual([...kept].sort());
  for (const name of kept)
    expect(Buffer.from(after.read(name).data).equals(Buffer.from(before.read(name).data)), name).toBe(true);
});

test("a ResNet with squeeze and excitation is refused by what it has", () => {
  const more = ["layer1.0.se.fc1.weight", [4, 64, 1, 1]] as const;
  const path = writePth(place("se.pth"), [...cases.resnet18.tensors, more]);
  expect(() => openPublished(path, hints)).toThrow(/a tensor layer1\.0\.se\.fc1\.weight is not known/);
});
