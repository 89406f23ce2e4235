import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LacunaError } from "../../../src/errors.js";
import { FeatureFile } from "../../../src/evaluate/features/feature-file.js";
import { parseNpy } from "../../../src/formats/npy.js";
import { SafetensorsFile } from "../../../src/formats/safetensors.js";
import { temporaryFolder } from "../../cli/terminal.js";
import { mayMount, smallDisk } from "../../disk.js";

const values = Float32Array.from([0.1, -1e-20, 3.4e38, 16777217, 1 / 3, 0]);

/** Three rows of two, in two parts; room was kept for `most`. */
function write(name: string, most = 1000) {
  const folder = temporaryFolder();
  const path = join(folder, name);
  using file = new FeatureFile(path, 2, most, { model: "m" });
  file.add(["a.png", 'b,"\n.png'], values.subarray(0, 4));
  file.add(["c.png"], values.subarray(4));
  return { folder, path, files: file.finish() };
}

const floats = (data: Uint8Array) => new Float32Array(new Uint8Array(data).buffer);

test("NumPy: the rows that came, names beside them", () => {
  const { path, files, folder } = write("f.npy");
  const array = parseNpy(readFileSync(path));
  expect(array.shape).toEqual([3, 2]);
  expect(floats(array.data)).toEqual(values);
  expect(files).toEqual([path, join(folder, "f.names.txt")]);
  expect(readFileSync(files[1] as string, "utf8")).toBe('a.png\nb,"\\n.png\nc.png\n');
  expect(readdirSync(folder)).toHaveLength(2);
});

test("safetensors: the header for fewer rows takes the room of the longer one", () => {
  for (const most of [3, 1e9]) {
    const { path } = write("f.safetensors", most);
    using file = SafetensorsFile.open(path);
    expect(file.metadata).toEqual({ model: "m" });
    const features = file.read("features");
    expect(features.shape).toEqual([3, 2]);
    expect(floats(features.data)).toEqual(values);
  }
});

test("CSV: a column of names, numbers that give back every float32", () => {
  const { path, files } = write("f.csv");
  expect(files).toEqual([path]);
  const text = readFileSync(path, "utf8");
  expect(text.startsWith("name,f0,f1\na.png,")).toBe(true);
  expect(text).toContain('"b,""\n.png",');
  const last = text.trimEnd().split("\n").at(-1)?.split(",") ?? [];
  expect(Float32Array.from(last.slice(1), Number)).toEqual(values.subarray(4));
});

test("what is not finished leaves nothing behind", () => {
  const folder = temporaryFolder();
  {
    using file = new FeatureFile(join(folder, "f.npy"), 2, 3, {});
    file.add(["a"], values.subarray(0, 2));
    expect(() => file.add(["b"], values)).toThrow(LacunaError);
  }
  expect(readdirSync(folder)).toEqual([]);
  expect(existsSync(join(folder, "f.npy"))).toBe(false);
});

test.skipIf(!mayMount)("on a full disk earlier files stay, and the disk is named", () => {
  const disk = smallDisk(64);
  const path = join(disk, "f.npy");
  const write = (rows: number): void => {
    using file = new FeatureFile(path, 1000, rows, {});
    for (let row = 0; row < rows; row++) file.add([`${row}.png`], new Float32Array(1000).fill(rows));
    file.finish();
  };
  write(2);
  expect(() => write(30)).toThrow(/f\.npy: expected room on the disk, got no space left on the device \(ENOSPC\)/);
  expect(floats(parseNpy(readFileSync(path)).data)).toEqual(new Float32Array(2000).fill(2));
  expect(readdirSync(disk).sort()).toEqual(["f.names.txt", "f.npy"]);
});
