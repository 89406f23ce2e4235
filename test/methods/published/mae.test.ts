import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { SafetensorsFile } from "../../../src/formats/safetensors.js";
import { writeTorch } from "../../../src/formats/torch-pickle.js";
import { openTensors } from "../../../src/models/published/files.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import {
  made,
  micro,
  microDecoder,
  officialTensors,
  type PublishedShape,
  writeOfficial,
} from "../../models/published/formula.js";
import { workFolder } from "../../train/example.js";

const work = workFolder("mae-layouts");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);
const hints = { heads: 2, decoderHeads: 2 };
const shape: PublishedShape = { ...micro, decoder: microDecoder };

test("an official file with its decoder; what is beside the model is left out", () => {
  const content = new Map([
    ["model", officialTensors(shape)],
    ["optimizer", new Map()],
  ]);
  writeTorch(place("full.pth"), content);
  using published = openModelFile(place("full.pth"), hints);
  expect(published).toMatchObject({
    layout: "official",
    model: { name: "vit", width: 16, depth: 2, heads: 2, mlpRatio: 4, patchSize: 4 },
    image: { imageSize: [16, 16], channels: 3 },
    method: { name: "mae", decoder: microDecoder },
    dropped: ["optimizer: not the model"],
  });
  const token = published.rest.get("mask_token")?.read().data as Uint8Array;
  expect(new Float32Array(Uint8Array.from(token).buffer)).toEqual(made("mask_token", [1, 1, 8]));
});

test("ViTMAE in the hub's spelling, encoder below vit", () => {
  convert(writeOfficial(place("mae.pth"), shape), place("vitmae"), hints);
  using file = SafetensorsFile.open(place("vitmae/model.safetensors"));
  expect(file.names).toContain("vit.encoder.layer.1.attention.attention.key.bias");
  expect(file.names).toContain("decoder.decoder_layers.0.attention.attention.value.weight");
  expect(file.names.length).toBe(2 + 2 + 2 + 2 * 16 + 2 + 2 + 16 + 2 + 2); // qkv is three times two
  const config = JSON.parse(readFileSync(place("vitmae/config.json"), "utf8"));
  expect(config).toMatchObject({ model_type: "vit_mae", decoder_hidden_size: 8, num_attention_heads: 2 });
});

test("what a layout has no place for is said", () => {
  const full = writeOfficial(place("some.pth"), shape);
  for (const [to, out] of [
    ["hf-vit", "vit"],
    ["timm", "timm.safetensors"],
  ] as const)
    expect(convert(full, place(out), { ...hints, to }).dropped).toEqual([
      "parts of mae, 20 tensors: a ViT by itself has none",
    ]);
  const classifier = writeOfficial(place("classifier.pth"), { ...micro, head: { classes: 3, pooling: "token" } });
  expect(convert(classifier, place("classless"), { ...hints, to: "hf-vitmae" }).dropped).toEqual([
    "classifier, 2 tensors: ViTMAE has no classifier",
  ]);
});

test("a decoder in part is refused by what is missing", () => {
  const tensors = officialTensors(shape);
  tensors.delete("decoder_pred.bias");
  writeTorch(place("part.pth"), new Map([["model", tensors]]));
  expect(() => openModelFile(place("part.pth"), hints)).toThrow(/1 tensors are missing \(decoder_pred\.bias\)/);
});

describe("SupMAE's file", () => {
  const head = {
    "cls_head.0.weight": [12, 16],
    "cls_head.0.bias": [12],
    "cls_head.1.weight": [12],
    "cls_head.1.bias": [12],
    "cls_head.1.running_mean": [12],
    "cls_head.1.running_var": [12],
    "cls_head.3.weight": [5, 12],
    "cls_head.3.bias": [5],
  };

  test("is known by its classifier, and comes back to the bit", () => {
    const tensors = officialTensors(shape);
    for (const [name, sides] of Object.entries(head))
      tensors.set(name, { dtype: "F32", shape: sides, data: () => new Uint8Array(made(name, sides).buffer) });
    writeTorch(place("supmae.pth"), new Map([["model", tensors]]));
    using published = openModelFile(place("supmae.pth"), hints);
    expect(published.method).toMatchObject({ name: "supmae", hidden: 12, classes: 5, decoder: microDecoder });
    convert(place("supmae.pth"), place("supmae.safetensors"), hints);
    expect(convert(place("supmae.safetensors"), place("supmae back.pth")).tensors).toBe(50 + 8);
    using back = openTensors(place("supmae back.pth"));
    using before = openTensors(place("supmae.pth"));
    for (const name of before.names)
      expect(Buffer.from(back.read(name).data).equals(Buffer.from(before.read(name).data)), name).toBe(true);
  });
});
