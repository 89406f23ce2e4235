import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeSafetensors } from "../../../src/formats/safetensors.js";
import { writeTorch } from "../../../src/formats/torch-pickle.js";
import { openTensors, type TensorFile, withoutPrefix } from "../../../src/models/published/files.js";

const reference = (name: string): string => new URL(`../../reference/torch/${name}`, import.meta.url).pathname;
const temporary = mkdtempSync(join(tmpdir(), "lacuna-files-"));
afterAll(() => rmSync(temporary, { recursive: true }));

test("the model among what torch saved, what is beside it, and the script's options", () => {
  using file = openTensors(reference("all.pth"));
  expect([...file.names]).toEqual(["weight", "bias"]);
  expect(file.format).toBe("torch");
  expect(file.entry("weight")).toMatchObject({ dtype: "F32", shape: [3, 2] });
  expect([...new Float32Array(Uint8Array.from(file.read("bias").data).buffer)]).toEqual([0.5, 1.5, 2.5]);
  expect(file.besides).toEqual(["tensors", "numbers", "args"]);
  expect(file.options.get("model")).toBe("mae_vit_base_patch16");
  expect(file.json("config.json")).toBeUndefined();
});

test("a folder with weights and JSON; JSON that is none is named", () => {
  writeSafetensors(join(temporary, "model.safetensors"), [["w", { dtype: "U8", shape: [1], data: Uint8Array.of(7) }]]);
  writeFileSync(join(temporary, "config.json"), '{"a":1}');
  writeFileSync(join(temporary, "list.json"), "[1]");
  writeFileSync(join(temporary, "broken.json"), "{");
  using file = openTensors(temporary);
  expect([file.json("config.json"), file.json("other.json")]).toEqual([{ a: 1 }, undefined]);
  expect(() => file.json("list.json")).toThrow(/list\.json: the file holds no JSON object/);
  expect(() => file.json("broken.json")).toThrow(/broken\.json: the file is not JSON/);
  expect([...file.files]).toEqual([join(temporary, "model.safetensors")]);
});

/** Names that ViTs have once, by two spellings. */
const anchors = ["cls_token", String.raw`(?:vit\.)?embeddings\.cls_token`];
const bare = (path: string): TensorFile => withoutPrefix(openTensors(path), anchors);

const tensor = { dtype: "F32", shape: [1], data: new Uint8Array(4) } as const;

function fileWith(...names: string[]): string {
  const path = join(temporary, "named.safetensors");
  writeSafetensors(
    path,
    names.map((name) => [name, tensor]),
  );
  return path;
}

test.each([
  ["module.", ["cls_token", "norm.weight"]],
  ["model.", ["cls_token", "norm.weight"]],
  ["backbone.", ["cls_token", "norm.weight"]],
  ["encoder.", ["cls_token", "norm.weight"]],
  ["_orig_mod.module.", ["cls_token", "norm.weight"]],
  ["model.visual.trunk.", ["cls_token", "norm.weight"]],
  ["backbone.", ["vit.embeddings.cls_token", "vit.layernorm.weight"]],
  ["backbone.", ["stem.0.weight", "stages.0.bias"]], // no class token: words of wrapping that all names share
])("%s before the names is left off and known", (prefix, names) => {
  using file = bare(fileWith(...names.map((name) => prefix + name)));
  expect(file.prefix).toBe(prefix);
  expect([...file.names].sort()).toEqual([...names].sort());
  expect(file.read(names[0] as string).data).toHaveLength(4);
  expect(file.besides).toEqual([]);
});

test("names that have none stay, and what stands outside is counted", () => {
  using plain = bare(fileWith("cls_token", "norm.weight", "decoder.cls_token"));
  expect([plain.prefix, plain.names.length]).toEqual(["", 3]);
  using hub = bare(fileWith("vit.embeddings.cls_token", "decoder.mask_token"));
  expect(hub.prefix).toBe("");
  using wrapped = bare(fileWith("backbone.cls_token", "projector.0.weight", "projector.0.bias"));
  expect(wrapped).toMatchObject({
    names: ["cls_token"],
    besides: ["2 tensors outside backbone. (projector.0.bias, projector.0.weight)"],
  });
});

test("several models in one file are named, not chosen from", () => {
  const path = fileWith("student.cls_token", "teacher.cls_token");
  expect(() => bare(path)).toThrow(/several models are in it, under student\. and teacher\./);
});

test("safetensors under the name of a .pth; a .pth without a model shows what it has", () => {
  const path = join(temporary, "other.pth");
  writeSafetensors(path, [["cls_token", tensor]]);
  using file = openTensors(path);
  expect(file.format).toBe("safetensors");
  writeTorch(path, new Map([["epoch", new Map()]]));
  expect(() => openTensors(path)).toThrow(/there is no model in it: expected a dictionary of tensors, .* got epoch\./);
});
