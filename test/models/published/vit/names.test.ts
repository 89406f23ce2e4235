import { expect, test } from "vitest";
import { CheckpointError } from "../../../../src/engine/errors.js";
import { fromHuggingFace, partOf, toHuggingFace } from "../../../../src/models/published/vit/names.js";
import { micro, microDecoder, officialShapes } from "../formula.js";

const names = [...officialShapes({ ...micro, decoder: microDecoder, head: { classes: 3, pooling: "token" } }).keys()];

test("every official name belongs to a part, and others to none", () => {
  expect(names.map(partOf)).not.toContain(undefined);
  expect([partOf("blocks.11.attn.qkv.bias"), partOf("decoder_pred.weight"), partOf("fc_norm.bias")]).toEqual([
    "encoder",
    "decoder",
    "classifier",
  ]);
  for (const name of [
    "blocks.0.ls1.gamma",
    "blocks.x.norm1.weight",
    "xcls_token",
    "norm.running_mean",
    "head.0.weight",
  ])
    expect(partOf(name)).toBeUndefined();
});

test("names go to Hugging Face and come back, with the place of query, key and value", () => {
  for (const prefix of ["vit.", ""]) {
    for (const name of names) {
      const theirs = toHuggingFace(name, prefix);
      const back = (typeof theirs === "string" ? [theirs] : theirs).map((own) => fromHuggingFace(own));
      expect(back.map((found) => found?.ours)).toEqual(back.map(() => name));
      if (typeof theirs !== "string") expect(back.map((found) => found?.place)).toEqual([0, 1, 2]);
    }
  }
});

test("the spellings of the hub, of transformers 5 in memory and of its save_pretrained", () => {
  const query = { ours: "blocks.3.attn.qkv.weight", place: 0 };
  expect(fromHuggingFace("vit.encoder.layer.3.attention.attention.query.weight")).toEqual(query);
  expect(fromHuggingFace("vit.layers.3.attention.q_proj.weight")).toEqual(query);
  expect(fromHuggingFace("layers.3.attention.q_proj.weight")).toEqual(query);
  const value = { ours: "decoder_blocks.0.attn.qkv.bias", place: 2 };
  expect(fromHuggingFace("decoder.decoder_layers.0.attention.attention.value.bias")).toEqual(value);
  expect(fromHuggingFace("decoder.decoder_layers.0.attention.v_proj.bias")).toEqual(value);
  expect(fromHuggingFace("decoder.decoder_encoder.layer.0.attention.attention.value.bias")).toEqual(value);
  expect(fromHuggingFace("vit.layers.0.mlp.fc2.bias")).toEqual({ ours: "blocks.0.mlp.fc2.bias" });
  expect(fromHuggingFace("vit.encoder.layer.0.output.dense.bias")).toEqual({ ours: "blocks.0.mlp.fc2.bias" });
  expect(fromHuggingFace("pooler.dense.weight")).toBeUndefined();
  expect(fromHuggingFace("vit.encoder.layer.0.lambda_1.weight")).toBeUndefined();
  expect(() => toHuggingFace("fc_norm.weight", "")).toThrow(CheckpointError);
});
