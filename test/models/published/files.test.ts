import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeSafetensors } from "../../../src/formats/safetensors.js";
import { openTensors } from "../../../src/models/published/files.js";

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
