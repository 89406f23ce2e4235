import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SafetensorsFile } from "../../../src/formats/safetensors.js";
import { openPublished } from "../../../src/models/published/open.js";
import type { PublishedShape } from "../../../src/models/published/shape.js";
import { planWriting } from "../../../src/models/published/write.js";
import { micro, microDecoder, writeOfficial } from "./formula.js";

const temporary = mkdtempSync(join(tmpdir(), "lacuna-write-"));
afterAll(() => rmSync(temporary, { recursive: true }));
const place = (name: string): string => join(temporary, name);
const hints = { heads: 2, decoderHeads: 2 };
const open = (name: string, shape: PublishedShape) => openPublished(writeOfficial(place(name), shape), hints);

test("ViTMAE in the hub's spelling, encoder below vit", () => {
  using published = open("full.pth", { ...micro, decoder: microDecoder });
  const plan = planWriting(published, "hf-vitmae");
  expect(plan.files.map(({ name }) => name)).toEqual(["model.safetensors", "config.json", "preprocessor_config.json"]);
  plan.files.forEach(({ name, write }) => {
    write(place(name));
  });
  using file = SafetensorsFile.open(place("model.safetensors"));
  expect(file.metadata).toEqual({ format: "pt" });
  expect(file.names).toContain("vit.encoder.layer.1.attention.attention.key.bias");
  expect(file.names).toContain("decoder.decoder_layers.0.attention.attention.value.weight");
  expect(file.names.length).toBe(2 + 2 + 2 + 2 * 16 + 2 + 2 + 16 + 2 + 2); // qkv is three times two
  expect(JSON.parse(readFileSync(place("config.json"), "utf8"))).toMatchObject({
    num_attention_heads: 2,
    image_size: 16,
  });
});

test("what a layout has no place for is said", () => {
  using published = open("classifier.pth", { ...micro, head: { classes: 3, pooling: "token" } });
  expect(planWriting(published, "hf-vitmae").dropped).toEqual(["classifier, 2 tensors: ViTMAE has no classifier"]);
  using full = open("full.pth", { ...micro, decoder: microDecoder });
  expect(planWriting(full, "hf-vit").dropped).toEqual(["decoder, 20 tensors: ViT has no decoder"]);
  expect(planWriting(full, "timm").dropped).toEqual(["decoder, 20 tensors: timm's ViT has no decoder"]);
  expect(planWriting(full, "official")).toMatchObject({ dropped: [], tensors: 50 });
});

test("a classifier that averages before its norm is refused where it would lie", () => {
  using published = open("mean.pth", { ...micro, head: { classes: 3, pooling: "mean" } });
  expect(() => planWriting(published, "hf-vit")).toThrow(
    /averages tokens before its norm has no place in hf-vit\. Write it as official or timm/,
  );
  expect(planWriting(published, "timm").dropped).toEqual([]);
});
