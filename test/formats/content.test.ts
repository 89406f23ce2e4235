import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { weightsFormat } from "../../src/formats/content.js";
import { writeSafetensors } from "../../src/formats/safetensors.js";
import { writeTorch } from "../../src/formats/torch-pickle.js";

const temporary = mkdtempSync(join(tmpdir(), "lacuna-content-"));
afterAll(() => rmSync(temporary, { recursive: true }));
const one = { dtype: "U8", shape: [1], data: Uint8Array.of(7) } as const;

function fileOf(content: Uint8Array | string): string {
  const path = join(temporary, "weights.pth");
  writeFileSync(path, content);
  return path;
}

test("content decides, whatever the name", () => {
  const [pth, safe] = [join(temporary, "a.safetensors"), join(temporary, "b.pth")];
  writeTorch(pth, new Map([["w", one]]));
  writeSafetensors(safe, [["w", one]]);
  expect([weightsFormat(pth), weightsFormat(safe)]).toEqual(["torch", "safetensors"]);
  expect(weightsFormat(fileOf(Buffer.from("80028a0a6cfc9c46f920", "hex")))).toBe("torch"); // before PyTorch 1.6
  writeSafetensors(safe, []);
  expect(weightsFormat(safe)).toBe("safetensors");
});

test.each([
  ["nothing", "", /an empty file\. Download the file itself/],
  [
    "a pointer of Git LFS",
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 343249461\n",
    /a pointer of Git LFS to a file of 343\.2 MB, not the file itself\. In its repository: git lfs/,
  ],
  ["a pointer of git-annex", "../.git/annex/objects/xX/1k/SHA256E-s1--2/SHA256E-s1--2", /a pointer of git-annex/],
  [
    "a page",
    "\n<!DOCTYPE html>\n<html><head><title>Sign in\n</title></head>",
    /a web page \(HTML\) with the title "Sign in", as a failed download/,
  ],
  ["a page without a title", "<html>", /a web page \(HTML\), as a failed/],
  ["a store's refusal", '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', /in XML: "AccessDenied"/],
  ["a server's refusal", '{"error":"Repository not found"}', /text in JSON: "\{\\"error/],
  ["words", "Not Found", /text: "Not Found"/],
  ["a gzip archive", gzipSync("x"), /a gzip archive\. Unpack it first/],
  ["Keras", Buffer.from("894844460d0a1a0a00", "hex"), /an HDF5 file, as Keras writes it/],
  ["a picture", Buffer.from("ffd8ffe000104a464946", "hex"), /a JPEG picture/],
  ["zeros", Buffer.alloc(100), /begins with zeros/],
  ["anything", Buffer.from("0102030405060708090a", "hex"), /begins with the bytes 0102030405060708\./],
])("%s is said in words", (_, content, message) => {
  const path = fileOf(content);
  expect(() => weightsFormat(path)).toThrow(message);
  expect(() => weightsFormat(path)).toThrow(expect.objectContaining({ code: "bad-magic", path }));
});

test("a tar archive, and what is not there", () => {
  const tar = Buffer.alloc(512);
  tar.write("model/weights.bin");
  tar.write("ustar", 257);
  expect(() => weightsFormat(fileOf(tar))).toThrow(/a tar archive/);
  expect(() => weightsFormat(join(temporary, "nowhere"))).toThrow(expect.objectContaining({ code: "unreadable" }));
  expect(() => weightsFormat(temporary)).toThrow(/something that is not a file/);
});
