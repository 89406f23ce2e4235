import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
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
