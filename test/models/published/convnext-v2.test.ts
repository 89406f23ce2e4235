import { readFileSync } from "node:fs";
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
import { cases, settings, writeFolder, writePth, writeWeights } from "./recorded.js";

const work = workFolder("convnext-layouts");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);
const hints = { imageSize: [64, 64] } as const;

const { official, timm, transformers, fcmae } = cases;
const files = {
  official: () => writePth(place("official.pth"), official.tensors, "model"),
  timm: () => writeWeights(place("timm.safetensors"), timm.tensors),
  "hf-convnextv2": () => writeFolder(place("transformers"), transformers.tensors, transformers.configs.classifier),
  fcmae: () => writePth(place("sparse.pth"), fcmae.tensors, "model"),
};
const recorded = { official, timm, "hf-convnextv2": transformers };
const outs = { official: "back.pth", timm: "back.safetensors", "hf-convnextv2": "back" } as const;

describe.each(["official", "timm", "hf-convnextv2"] as const)("%s", (layout) => {
  test("computes what the other program computes", () => {
    const path = files[layout]();
    const { features, logits } = recorded[layout];
    using model = loadModel(path, hints);
    expect(model.config.model).toMatchObject({ name: "convnextV2", stem: 4, ...sizes() });
    expect(model.method).toBeUndefined();
    noGrad(() => scope(() => expectSome(model.features(pictures(2, 64)), features, 1e-5, "features")));
    using classifier = loadClassifier(path, hints);
    expect(classifier.classes).toHaveLength(settings.classes);
    noGrad(() => scope(() => expectSome(classifier.model.call(pictures(2, 64)), logits, 1e-5, "logits")));
  });

  test("goes to ours and back, to the bit", () => {
    const path = files[layout]();
    convert(path, place(`${layout} ours.safetensors`), hints);
    const out = place(`${layout} ${outs[layout]}`);
    expect(convert(place(`${layout} ours.safetensors`), out, { to: layout })).toMatchObject({
      from: "lacuna",
      to: layout,
    });
    expect(bytes(out)).toEqual(bytes(path));
  });
});

function sizes() {
  return { widths: settings.widths, depths: settings.depths };
}

/** Every tensor under our names. */
function bytes(path: string): Record<string, string> {
  using published = openPublished(path, hints);
  return Object.fromEntries(
    [...published.tensors].map(([name, tensor]) => [name, Buffer.from(tensor.read().data).toString("base64")]),
  );
}

test("transformers' names and config.json are those that it writes, with a classifier and without", () => {
  const path = files["hf-convnextv2"]();
  convert(path, place("classifier"), hints);
  const config = JSON.parse(readFileSync(join(place("classifier"), "config.json"), "utf8"));
  expect(config).toEqual(transformers.configs.classifier);
  const bare = writeFolder(place("bare"), transformers.bare, transformers.configs.encoder);
  expect(convert(bare, place("bare back"), hints).tensors).toBe(transformers.bare.length);
  const { id2label: _, label2id: __, ...encoder } = transformers.configs.encoder;
  expect(JSON.parse(readFileSync(join(place("bare back"), "config.json"), "utf8"))).toEqual(encoder);
});

test("sparse pre-training: the encoder computes what the official remapping computes; the norm it lacks is said", () => {
  using model = loadModel(files.fcmae(), hints);
  expect(model.method?.encoder).toBe(model.encoder);
  expect(model.config.method).toMatchObject({ name: "fcmae", decoder: { width: 16, depth: 1 } });
  expect(model.assumed).toContain("the norm behind the pooling has weight 1 and bias 0: the file holds none");
  noGrad(() => scope(() => expectSome(model.features(pictures(2, 64)), fcmae.features, 1e-5, "features")));
});

test("sparse pre-training goes to ours and back, to the bit", () => {
  convert(files.fcmae(), place("fcmae.safetensors"), hints);
  const back = convert(place("fcmae.safetensors"), place("sparse back.pth"), { to: "fcmae" });
  expect(back.tensors).toBe(fcmae.tensors.length);
  expect(bytesOf(place("sparse back.pth"))).toEqual(bytesOf(place("sparse.pth")));
});

function bytesOf(path: string): Record<string, string> {
  using file = openTensors(path);
  return Object.fromEntries(
    file.names.map((name) => [name, `${file.entry(name).shape.join()} ${base64(file.read(name).data)}`]),
  );
}
const base64 = (data: Uint8Array): string => Buffer.from(data).toString("base64");

test("a ConvNeXt of the first version is refused by what it has", () => {
  const gamma = ["stages.0.blocks.0.gamma", [8]] as const;
  const path = writeWeights(place("v1.safetensors"), [...timm.tensors, gamma]);
  expect(() => openPublished(path, hints)).toThrow(/a tensor stages\.0\.blocks\.0\.gamma is not known/);
});
