import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { SafetensorsFile, type TensorToWrite, writeSafetensors } from "../../../../src/formats/safetensors.js";
import { writeTorch } from "../../../../src/formats/torch-pickle.js";
import { openTensors } from "../../../../src/models/published/files.js";
import { modelLayouts, openPublished } from "../../../../src/models/published/open.js";
import type { PublishedTensor } from "../../../../src/models/published/tensors.js";
import { planWriting } from "../../../../src/models/published/write.js";
import { relativeIndexBytes } from "../../../../src/nn/positions.js";
import { withReference } from "../../../numbers.js";
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

test("a ViT with class attention is refused in every layout: none has its blocks", () => {
  using published = open("plain.pth", micro);
  const table = published.tensors.get("norm.weight");
  const readers = new Map([...published.tensors, ["blocks_token.0.norm1.weight", table as PublishedTensor] as const]);
  for (const layout of ["official", "timm", "hf-vit"])
    expect(() => planWriting({ ...published, tensors: readers }, modelLayouts(), layout)).toThrow(
      `a ViT with class attention has no place in ${layout}.`,
    );
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

/** The weights of test/reference/make_beit_vit.py, as timm saves them, and as the official code does. */
describe.each(["vit-shared", "vit-per-block"])("a BEiT's encoder, %s", (name) => {
  const tensorsOf = (file: SafetensorsFile): Map<string, TensorToWrite> =>
    new Map(
      file.names.flatMap((key): [string, TensorToWrite][] => {
        if (!key.startsWith("weight/")) return [];
        const { dtype, shape, data } = file.read(key);
        return [[key.slice(7), { dtype, shape, data }]];
      }),
    );
  const contents = (path: string): Record<string, string> => {
    using file = openTensors(path);
    return Object.fromEntries(
      file.names.map((key) => {
        const { dtype, shape, data } = file.read(key);
        return [key, `${dtype} ${shape.join(" ")} ${Buffer.from(data).toString("base64")}`];
      }),
    );
  };

  test.each(["timm", "official"] as const)("%s: what is read is written to the bit", (layout) => {
    withReference(`${name}.safetensors`, (_, reference) => {
      const tensors = tensorsOf(reference);
      const path = place(layout === "timm" ? `${name}.safetensors` : `${name}.pth`);
      const [table = ""] = [...tensors.keys()].filter((key) => key.endsWith("bias_table"));
      const index = { dtype: "I64" as const, shape: [13, 13], data: relativeIndexBytes([3, 4]) };
      if (layout === "timm") writeSafetensors(path, tensors);
      else {
        for (const key of [...tensors.keys()])
          if (key.endsWith("bias_table")) tensors.set(key.replace("bias_table", "index"), index);
        writeTorch(path, new Map([["model", tensors]]));
      }
      using published = openPublished(path, { heads: 2, imageSize: [24, 32] });
      const isShared = name === "vit-shared";
      expect(table.startsWith("rel_pos_bias")).toBe(isShared);
      expect(published.model).toMatchObject({
        ...{ name: "vit", width: 16, depth: 2, heads: 2, patchSize: 8, keyBias: false },
        positions: isShared ? "none" : "learned",
        relativePositions: isShared ? "shared" : "perBlock",
      });
      expect(published.dropped).toEqual([]);
      const [file] = planWriting(published, modelLayouts(), layout).files;
      const out = place(`again-${name}.${layout === "timm" ? "safetensors" : "pth"}`);
      file?.write(out);
      expect(contents(out)).toEqual(contents(path));
      expect(() => planWriting(published, modelLayouts(), "hf-vit")).toThrow(
        isShared ? "a ViT without absolute positions has no place in hf-vit" : "Hugging Face has no name for",
      );
    });
  });
});
