import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { expect, test } from "vitest";
import { decodeFile } from "../../../../src/data/decode.js";
import { openSource, type Source } from "../../../../src/data/source.js";
import { pack } from "../../../../src/data/sources/packed/pack.js";
import { openPacked } from "../../../../src/data/sources/packed/source.js";
import { makePicture, temporaryFolder, writeTree } from "../../pictures.js";

const folder = temporaryFolder();
const plain = { kind: "packed", part: "all", holdOut: 0, seed: 0 } as const;

test("opens what pack made: pictures as files among others, without labels where there are no classes", async () => {
  const photos = join(folder, "photos");
  writeTree(photos, { "a.png": await makePicture(1, 9, 9).png().toBuffer() });
  const out = join(folder, "out");
  const { fingerprint } = await pack({ kind: "folder", path: photos }, { out });
  const source = await openPacked({ ...plain, path: out });
  expect(source).toMatchObject({ size: 1, fingerprint, classes: undefined, labels: undefined });
  expect(source.content).toEqual({ kind: "files", root: out, paths: ["00000.pack/0/a.png"] });
  expect(source.name(0)).toBe("a.png");
  const none = openPacked({ ...plain, path: out, part: "heldOut" });
  await expect(none).rejects.toMatchObject({ code: "empty-part" });
});

test("other folders are told apart", async () => {
  await expect(openPacked({ ...plain, path: join(folder, "none") })).rejects.toMatchObject({ code: "missing" });
  mkdirSync(join(folder, "empty"));
  await expect(openPacked({ ...plain, path: join(folder, "empty") })).rejects.toMatchObject({ code: "not-packed" });
  writeFileSync(join(folder, "empty", "settings.json"), "{}");
  await expect(openPacked({ ...plain, path: join(folder, "empty") })).rejects.toMatchObject({ code: "unfinished" });
});

test("entries of a list that leave its folder are read under names inside the set, and split as the list does", async () => {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 12; i++) files[`pictures/${i}.png`] = await makePicture(i, 9, 9).png().toBuffer();
  writeTree(join(folder, "elsewhere"), files);
  const entry = (i: number): string =>
    [`../elsewhere/pictures/${i}.png`, join(folder, `elsewhere/pictures/${i}.png`)][i % 2] as string;
  writeTree(join(folder, "lists"), { "list.txt": Array.from({ length: 12 }, (_, i) => `${entry(i)}\n`).join("") });
  const list = { kind: "list", path: join(folder, "lists", "list.txt") } as const;
  const out = join(folder, "packed-list");
  await pack(list, { out });
  const options = { channels: 3, jpeg: "accurate", maxPixels: 1e6, timeoutMs: 1e4 } as const;
  const packed = await openPacked({ ...plain, path: out });
  expect(packed.name(0)).toBe("elsewhere/pictures/0.png");
  for (const [i, path] of packed.content.paths.entries()) {
    expect(resolve(out, path).startsWith(`${out}/`)).toBe(true);
    const own = await decodeFile(join(folder, `elsewhere/pictures/${i}.png`), options);
    expect(Buffer.from((await decodeFile(join(out, path), options)).data)).toEqual(Buffer.from(own.data));
  }
  const part = { part: "heldOut", holdOut: 0.4 } as const;
  const heldOut = await openPacked({ ...plain, path: out, ...part });
  const ofList = await openSource({ ...list, ...part });
  const numbers = (source: Source): string[] => Array.from({ length: source.size }, (_, i) => basename(source.name(i)));
  expect(numbers(heldOut)).toEqual(numbers(ofList));
});
