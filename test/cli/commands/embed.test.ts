import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseNpy } from "../../../src/formats/npy.js";
import { lacuna, temporaryFolder, tinyRun } from "../terminal.js";

test("the same numbers twice and for any batch, in the order of the names", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  const path = (name: string) => join(folder, name);
  const { code, out } = await lacuna("embed", run, pictures, "--out", path("a.npy"), "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ pictures: 16, dimensions: 16, files: [path("a.npy"), path("a.names.txt")] });
  await lacuna("embed", run, pictures, "--out", path("b.npy"));
  expect(readFileSync(path("b.npy")).equals(readFileSync(path("a.npy")))).toBe(true);
  const names = readFileSync(path("a.names.txt"), "utf8").trimEnd().split("\n");
  expect(names.slice(0, 2)).toEqual(["a/0.png", "a/1.png"]);
  const whole = rows(path("a.npy"));
  await lacuna("embed", run, pictures, "--out", path("c.npy"), "--batch", "5");
  for (const [i, value] of rows(path("c.npy")).entries()) expect(value).toBeCloseTo(whole[i] as number, 5);
  // A list of some of them, in another order: each picture keeps its numbers.
  writeFileSync(path("list.txt"), `pictures/${names[7]}\npictures/${names[2]}\n`);
  await lacuna("embed", run, path("list.txt"), "--out", path("d.npy"));
  const some = rows(path("d.npy"));
  for (let i = 0; i < 16; i++) {
    expect(some[i]).toBeCloseTo(whole[7 * 16 + i] as number, 5);
    expect(some[16 + i]).toBeCloseTo(whole[2 * 16 + i] as number, 5);
  }
});

function rows(path: string): Float32Array {
  return new Float32Array(new Uint8Array(parseNpy(readFileSync(path)).data).buffer);
}

test("a picture that cannot be read is left out and named; no other takes its row", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder);
  writeFileSync(join(pictures, "a", "1.png"), "no picture");
  const { code, out } = await lacuna("embed", run, pictures, "--out", join(folder, "a.csv"), "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ pictures: 15, skipped: [{ path: join(pictures, "a", "1.png") }] });
  const names = readFileSync(join(folder, "a.csv"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split(",")[0]);
  expect(names).toHaveLength(16);
  expect(names.slice(0, 3)).toEqual(["name", "a/0.png", "a/2.png"]);
});

test("an ending that is none of the three is refused before anything is read", async () => {
  expect(await lacuna("embed", "none", "none", "--out", "f.txt")).toMatchObject({
    code: 2,
    error: expect.stringContaining("a file that ends in .npy, .safetensors, .csv"),
  });
});
