import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bytesInMemory } from "../../../src/formats/bytes.js";
import type { Dtype } from "../../../src/formats/dtype.js";
import { storageClasses } from "../../../src/formats/torch/globals.js";
import { writeTorch } from "../../../src/formats/torch/write.js";
import { readZip } from "../../../src/formats/torch/zip.js";
import { TorchFile, type TorchTensor } from "../../../src/formats/torch-pickle.js";

const temporary = mkdtempSync(join(tmpdir(), "lacuna-torch-"));
afterAll(() => rmSync(temporary, { recursive: true }));
const path = join(temporary, "written.pth");

/** Every type that torch.save has a class for. */
const sample = new Map(
  (Object.keys(storageClasses) as Dtype[]).map((dtype, i) => {
    const size = { F64: 8, I64: 8, C64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, I16: 2, I8: 1, U8: 1, BOOL: 1 }[
      dtype as "F32"
    ];
    return [`${dtype}.weight`, { dtype, shape: [2, i], data: new Uint8Array(2 * i * size).map((_, at) => at % 2) }];
  }),
);

test("what is written is read again, every entry aligned", () => {
  writeTorch(path, new Map([["model", sample]]));
  using file = TorchFile.open(path);
  const model = (file.content as Map<string, Map<string, TorchTensor>>).get("model");
  expect([...(model?.keys() ?? [])]).toEqual([...sample.keys()]);
  for (const [name, { dtype, shape, data }] of sample) {
    const read = file.read(model?.get(name) as TorchTensor);
    expect([name, read.dtype, read.shape, [...read.data]]).toEqual([name, dtype, shape, [...data]]);
  }
  for (const { start } of readZip(bytesInMemory(readFileSync(path))).values()) expect(start % 64).toBe(0);
});

test("the bytes are those that torch.load(weights_only=True) was tried on", () => {
  writeTorch(path, new Map([["model", sample]]));
  const expected = JSON.parse(readFileSync(new URL("../../reference/torch/expected.json", import.meta.url), "utf8"));
  expect(createHash("sha256").update(readFileSync(path)).digest("hex")).toBe(expected.accepted);
  expect(statSync(path).size).toBeLessThan(10_000);
});

test("data of another length, types that torch has no class for, a folder that is none", () => {
  const write =
    (dtype: Dtype, bytes: number, to = path) =>
    () =>
      writeTorch(to, new Map([["w", { dtype, shape: [2], data: new Uint8Array(bytes) }]]));
  expect(write("F32", 7)).toThrow(expect.objectContaining({ code: "bad-data" }));
  expect(write("F8_E4M3", 2)).toThrow(expect.objectContaining({ code: "unsupported-dtype" }));
  expect(write("F32", 8, "/no/such/folder/x.pth")).toThrow(expect.objectContaining({ code: "unwritable" }));
  expect(write("F32", 8, "/dev/full")).toThrow(expect.objectContaining({ code: "no-space" }));
});
