import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { SafetensorsFile } from "../../../../src/formats/safetensors.js";
import { writeTorch } from "../../../../src/formats/torch-pickle.js";
import { modelLayouts, openPublished } from "../../../../src/models/published/open.js";
import { planWriting } from "../../../../src/models/published/write.js";
import { micro, microDecoder, officialTensors, type PublishedShape, writeOfficial } from "../formula.js";

const temporary = mkdtempSync(join(tmpdir(), "lacuna-vit-layouts-"));
afterAll(() => rmSync(temporary, { recursive: true }));
const place = (name: string): string => join(temporary, name);
const open = (name: string, shape: PublishedShape) =>
  openPublished(writeOfficial(place(name), shape), { heads: 2, decoderHeads: 2 });

test("transformers' ViT in the hub's spelling", () => {
  using published = open("encoder.pth", micro);
  const plan = planWriting(published, modelLayouts(), "hf-vit");
  expect(plan.files.map(({ name }) => name)).toEqual(["model.safetensors", "config.json", "preprocessor_config.json"]);
  for (const { name, write } of plan.files) write(place(name));
  using file = SafetensorsFile.open(place("model.safetensors"));
  expect(file.metadata).toEqual({ format: "pt" });
  expect(file.names).toContain("encoder.layer.1.attention.attention.key.bias");
  expect(file.names.length).toBe(2 + 2 + 2 * 16 + 2); // qkv is three times two
  expect(JSON.parse(readFileSync(place("config.json"), "utf8"))).toMatchObject({
    num_attention_heads: 2,
    image_size: 16,
  });
});

test("a classifier that averages before its norm is refused where it would lie", () => {
  using published = open("mean.pth", { ...micro, head: { classes: 3, pooling: "mean" } });
  expect(() => planWriting(published, modelLayouts(), "hf-vit")).toThrow(
    /averages tokens before its norm has no place in hf-vit\. Write it as official or timm/,
  );
  expect(planWriting(published, modelLayouts(), "timm").dropped).toEqual([]);
});

describe("a file that is not whole", () => {
  test.each<[string, (tensors: ReturnType<typeof officialTensors>) => void, RegExp]>([
    ["a block with a hole", (t) => t.delete("blocks.1.norm2.bias"), /1 tensors are missing \(blocks\.1\.norm2\.bias\)/],
    [
      "a wrong side",
      (t) => t.set("blocks.0.attn.qkv.weight", { dtype: "F32", shape: [40, 16], data: new Uint8Array(2560) }),
      /has shape \[40 16\], the others ask for \[48 16\]/,
    ],
    [
      "a layer too much",
      (t) => t.set("fc_norm.weight", { dtype: "F32", shape: [16], data: new Uint8Array(64) }),
      /1 tensors are missing \(fc_norm\.bias\)/,
    ],
  ])("%s", (_, change, message) => {
    const tensors = officialTensors(micro);
    change(tensors);
    writeTorch(place("broken.pth"), new Map([["model", tensors]]));
    expect(() => openPublished(place("broken.pth"), { heads: 2 })).toThrow(message);
  });
});

test("tensors of a decoder that is not there are left out and said", () => {
  const token = officialTensors({ ...micro, decoder: microDecoder }).get("mask_token");
  const tensors = officialTensors(micro);
  if (token !== undefined) tensors.set("mask_token", token);
  writeTorch(place("token.pth"), new Map([["model", tensors]]));
  using published = openPublished(place("token.pth"), { heads: 2 });
  expect(published.dropped).toEqual(["mask_token: of a decoder that is not there"]);
});
