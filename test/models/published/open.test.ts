import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type TensorToWrite, writeSafetensors } from "../../../src/formats/safetensors.js";
import { writeTorch } from "../../../src/formats/torch-pickle.js";
import { openPublished } from "../../../src/models/published/open.js";
import { made, micro, officialTensors, writeOfficial } from "./formula.js";

const temporary = mkdtempSync(join(tmpdir(), "lacuna-published-"));
afterAll(() => rmSync(temporary, { recursive: true }));
const place = (name: string): string => join(temporary, name);
const hints = { heads: 2, decoderHeads: 2 };
const model = { name: "vit", width: 16, depth: 2, heads: 2, mlpRatio: 4, patchSize: 4 };
const floats = (bytes: Uint8Array): Float32Array => new Float32Array(Uint8Array.from(bytes).buffer);

test("names of data-parallel training, a state dict at the top, other keys", () => {
  const wrapped = new Map([...officialTensors(micro)].map(([name, tensor]) => [`module.${name}`, tensor]));
  for (const [name, content] of [
    ["bare.pth", wrapped],
    ["timm.pth", new Map([["state_dict", wrapped]])],
  ] as const) {
    writeTorch(place(name), content);
    using published = openPublished(place(name), hints);
    expect(published.model).toEqual(model);
  }
});

test("timm's safetensors; a linear probe's head is left out", () => {
  const one: TensorToWrite = { dtype: "F32", shape: [16], data: new Uint8Array(64) };
  writeSafetensors(place("timm.safetensors"), [
    ...officialTensors({ ...micro, head: { classes: 5, pooling: "mean" } }),
  ]);
  using published = openPublished(place("timm.safetensors"), hints);
  expect(published).toMatchObject({ layout: "timm", classifier: { classes: 5, pool: "mean" } });
  writeTorch(place("probe.pth"), new Map([["model", officialTensors(micro).set("head.0.running_mean", one)]]));
  using probe = openPublished(place("probe.pth"), hints);
  expect(probe.dropped).toEqual(["head.0.running_mean: the head of a linear probe"]);
});

describe("folders of transformers", () => {
  /** Query, key and value apart, in the spelling of transformers 5 in memory, in two files with an index. */
  function folder(
    name: string,
    config: object,
    change: (tensors: Map<string, TensorToWrite>) => void = () => {},
  ): string {
    const tensors = new Map<string, TensorToWrite>();
    for (const [own, tensor] of officialTensors(micro)) {
      const data = (tensor.data as () => Uint8Array)();
      const stem = own
        .replace(/^cls_token$/, "embeddings.cls_token")
        .replace(/^pos_embed$/, "embeddings.position_embeddings")
        .replace(/^patch_embed\.proj/, "embeddings.patch_embeddings.projection")
        .replace(/^norm/, "layernorm")
        .replace(/^blocks/, "layers")
        .replace(".norm1", ".layernorm_before")
        .replace(".norm2", ".layernorm_after")
        .replace(".attn.proj", ".attention.o_proj");
      if (!stem.includes("attn.qkv")) tensors.set(stem, { ...tensor, data });
      else
        ["q", "k", "v"].forEach((letter, i) => {
          const bytes = data.byteLength / 3;
          const shape = [(tensor.shape[0] ?? 0) / 3, ...tensor.shape.slice(1)];
          tensors.set(stem.replace("attn.qkv", `attention.${letter}_proj`), {
            ...tensor,
            shape,
            data: data.slice(i * bytes, (i + 1) * bytes),
          });
        });
    }
    change(tensors);
    mkdirSync(place(name), { recursive: true });
    const half = [...tensors].map(([key], i): [string, string] => [key, `part-${i % 2}.safetensors`]);
    for (const part of ["part-0.safetensors", "part-1.safetensors"])
      writeSafetensors(
        join(place(name), part),
        [...tensors].filter(([key]) => half.some(([own, file]) => own === key && file === part)),
      );
    writeFileSync(
      join(place(name), "model.safetensors.index.json"),
      JSON.stringify({ weight_map: Object.fromEntries(half) }),
    );
    writeFileSync(join(place(name), "config.json"), JSON.stringify(config));
    return place(name);
  }
  const config = {
    model_type: "vit",
    hidden_act: "gelu",
    num_attention_heads: 2,
    image_size: 16,
    layer_norm_eps: 1e-12,
  };

  test("query, key and value become one, across files; what config.json says is used", () => {
    using published = openPublished(
      folder("vit", config, (tensors) =>
        tensors.set("pooler.dense.bias", { dtype: "F32", shape: [1], data: new Uint8Array(4) }),
      ),
    );
    expect(published).toMatchObject({ layout: "hf-vit", model, guessed: [] });
    expect(published.dropped).toEqual(["pooler.dense.bias: the pooler, on top of the features"]);
    expect(published.assumed).toContain("layer norm ε 1e-6, where config.json says 1e-12");
    const name = "blocks.1.attn.qkv.weight";
    const joined = published.tensors.get(name);
    expect(joined).toMatchObject({ dtype: "F32", shape: [48, 16] });
    expect(floats(joined?.read().data as Uint8Array)).toEqual(made(name, [48, 16]));
  });

  test.each<[string, object, (tensors: Map<string, TensorToWrite>) => void, RegExp]>([
    [
      "another activation",
      { ...config, hidden_act: "quick_gelu" },
      () => {},
      /config\.json says hidden_act "quick_gelu"; this model has gelu/,
    ],
    [
      "no key",
      config,
      (t) => t.delete("layers.0.attention.k_proj.bias"),
      /blocks\.0\.attn\.qkv\.bias needs query, key and value/,
    ],
    [
      "a key of another type",
      config,
      (t) => t.set("layers.0.attention.k_proj.bias", { dtype: "F16", shape: [16], data: new Uint8Array(32) }),
      /parts of blocks\.0\.attn\.qkv\.bias differ in type or shape/,
    ],
  ])("%s is refused", (name, json, change, message) =>
    expect(() => openPublished(folder(name, json, change))).toThrow(message),
  );

  test("an index that leads out of its folder", () => {
    mkdirSync(place("leads"));
    writeFileSync(join(place("leads"), "model.safetensors.index.json"), '{"weight_map":{"a":"../../etc/passwd"}}');
    expect(() => openPublished(place("leads"))).toThrow(/names no files of its own folder/);
  });
});

test("other ViTs are refused by what they have", () => {
  const one: TensorToWrite = { dtype: "F32", shape: [16], data: new Uint8Array(64) };
  for (const [name, words] of [
    ["blocks.0.ls1.gamma", "layer scale"],
    ["dist_token", "a distillation token"],
    ["blocks.0.attn.q_norm.weight", "normalised queries"],
    ["stages.0.conv", "is not known"],
  ] as const) {
    writeSafetensors(place("other.safetensors"), [...officialTensors(micro).set(name, one)]);
    expect(() => openPublished(place("other.safetensors"), hints)).toThrow(words);
  }
  writeSafetensors(place("other.safetensors"), [["weight", one]]);
  expect(() => openPublished(place("other.safetensors"))).toThrow(/those of no known model/);
  writeTorch(place("empty.pth"), new Map());
  expect(() => openPublished(place("empty.pth"))).toThrow(/there is no model in it/);
  expect(() => openPublished(temporary)).toThrow(/there are no weights in the folder/);
  expect(() => openPublished(writeOfficial(place("narrow.pth"), micro), { heads: 5 })).toThrow(
    /does not divide into 5 heads/,
  );
});
