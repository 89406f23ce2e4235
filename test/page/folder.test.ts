import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { writePage } from "../../src/page/folder.js";
import { fill, mayMount, smallDisk } from "../disk.js";
import { exampleDescription } from "./example.js";

const files = new Map([
  ["model.onnx", Uint8Array.of(1, 2, 3)],
  ["examples/0.png", Uint8Array.of(4)],
]);

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "lacuna-page-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("a page is whole: what was built, the runtime, the model, the examples, the description", () => {
  const out = join(folder(), "new", "page");
  writePage(out, { description: exampleDescription, files });
  expect(readdirSync(out).sort()).toEqual(
    ["assets", "examples", "icon.svg", "index.html", "model.onnx", "ort", "page.json", "service-worker.js"].sort(),
  );
  expect(readdirSync(join(out, "ort")).filter((name) => name.endsWith(".wasm"))).toHaveLength(2);
  expect(JSON.parse(readFileSync(join(out, "page.json"), "utf8"))).toEqual(exampleDescription);
  expect(Array.from(readFileSync(join(out, "model.onnx")))).toEqual([1, 2, 3]);
});

test("a page takes an earlier one's place; anything else is left alone", () => {
  const out = folder();
  writePage(out, { description: exampleDescription, files });
  writeFileSync(join(out, "examples", "old.png"), "");
  writePage(out, { description: exampleDescription, files });
  expect(readdirSync(join(out, "examples"))).toEqual(["0.png"]);
  const other = folder();
  mkdirSync(join(other, "photos"));
  expect(() => writePage(other, { description: exampleDescription, files })).toThrow(
    /holds something that is no page\. Name another folder\./,
  );
  expect(readdirSync(other)).toEqual(["photos"]);
});

test.skipIf(!mayMount)("on a full disk an earlier page stays as it was", () => {
  const out = smallDisk(50_000);
  writePage(out, { description: exampleDescription, files });
  const before = readdirSync(out, { recursive: true }).sort();
  const free = fill(out);
  const large = new Map([...files, ["model.onnx", new Uint8Array(9)]]);
  expect(() => writePage(out, { description: exampleDescription, files: large })).toThrow(/expected room on the disk/);
  free();
  expect(readdirSync(out, { recursive: true }).sort()).toEqual(before);
  expect(Array.from(readFileSync(join(out, "model.onnx")))).toEqual([1, 2, 3]);
});

test("a wrong description is found before anything is written", () => {
  const out = join(folder(), "page");
  expect(() => writePage(out, { description: { ...exampleDescription, title: "" }, files })).toThrow();
  expect(existsSync(out)).toBe(false);
});

test("without model and runtime the page weighs at most 300 KB compressed, and asks no other server", () => {
  const out = join(folder(), "page");
  writePage(out, { description: exampleDescription, files: new Map() });
  const own = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith("/ort"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  const weigh = (compress: (bytes: Uint8Array) => Uint8Array): number =>
    own.reduce((sum, bytes) => sum + compress(bytes).length, 0);
  expect(weigh(gzipSync)).toBeLessThan(300_000);
  expect(weigh(brotliCompressSync)).toBeGreaterThan(5_000); // it is there at all
  for (const bytes of own) {
    const addresses = bytes.toString("utf8").match(/https?:\/\/[\w.-]+/g) ?? [];
    expect(addresses.filter((address) => !/www\.w3\.org|localhost/.test(address))).toEqual([]); // names, not addresses
  }
});
