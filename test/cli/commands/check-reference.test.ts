import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SafetensorsFile } from "../../../src/formats/safetensors.js";
import { lacuna, temporaryFolder } from "../terminal.js";

const file = new URL("../../reference/mae-small.safetensors", import.meta.url).pathname;

test("the official code's numbers agree, part by part", async () => {
  const { code, out } = await lacuna("check-reference", file);
  expect(code).toBe(0);
  expect(out).toMatch(/pass +latent +[\d.]+e-\d +1\.0e-5/);
  expect(out).toContain("All parts agree.");
});

test("a number that differs is found, and the exit code is 1", async () => {
  const bytes = Buffer.from(readFileSync(file));
  const path = join(temporaryFolder(), "changed.safetensors");
  using reference = SafetensorsFile.open(file);
  const latent = Buffer.from(reference.read("latent").data);
  const at = bytes.indexOf(latent);
  bytes.writeFloatLE(bytes.readFloatLE(at) + 0.01, at);
  writeFileSync(path, bytes);
  const { code, out } = await lacuna("check-reference", path, "--json");
  expect(code).toBe(1);
  const { passed, parts } = JSON.parse(out);
  expect(passed).toBe(false);
  expect(parts.filter((part: { passed: boolean }) => !part.passed).map(({ part }: { part: string }) => part)).toEqual([
    "latent",
  ]);
});

test("several files are answered one after another", async () => {
  const other = new URL("../../reference/supmae-class.safetensors", import.meta.url).pathname;
  const { code, out } = await lacuna("check-reference", file, other);
  expect(code).toBe(0);
  expect(out.indexOf("mae-small")).toBeLessThan(out.indexOf("supmae-class"));
  expect(out).toMatch(/pass +parameters after five steps[\s\S]*pass +parameters after three steps/);
  const { parts } = JSON.parse((await lacuna("check-reference", file, other, "--json")).out);
  expect(new Set(parts.map((part: { file: string }) => part.file))).toEqual(new Set([file, other]));
});
