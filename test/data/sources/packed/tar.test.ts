import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readPictureFile } from "../../../../src/data/decode.js";
import { examine } from "../../../../src/data/doctor/examine.js";
import { surveyPictures } from "../../../../src/data/doctor/survey.js";
import { openSource } from "../../../../src/data/source.js";
import { withCaptions } from "../../../../src/data/sources/lists/captions.js";
import { openTar } from "../../../../src/data/sources/packed/tar.js";
import type { TarSpec } from "../../../../src/data/sources/spec.js";
import { makePicture, temporaryFolder, writeTree } from "../../pictures.js";

const folder = temporaryFolder();
const shards = join(folder, "shards");
mkdirSync(shards);
const plain = { kind: "tar", part: "all", holdOut: 0, seed: 0 } as const;
const open = (path: string, rest: Partial<TarSpec> = {}) => openTar({ ...plain, path, ...rest });

/** An archive by the system's own tar. @param format of its long names */
function archive(name: string, files: Readonly<Record<string, string | Uint8Array>>, format = "gnu"): string {
  const from = join(folder, `of-${name}`);
  writeTree(from, files);
  const path = join(shards, name);
  execFileSync("tar", ["-c", `--format=${format}`, "-f", path, "-C", from, ...Object.keys(files)]);
  return path;
}

const png = await makePicture(1, 9, 7).png().toBuffer();
const jpeg = await makePicture(2, 64, 48).jpeg().toBuffer();
const long = `${"a-long-name-".repeat(20)}é`;
archive("1.tar", {
  "000001.txt": " two dogs\n",
  "000001.jpg": jpeg,
  "sub/000002.PNG": png,
  "sub/000002.json": '{"key":"000002","caption":"a cat"}',
  "000003.png": png,
  "000004.txt": "no picture",
});
const json = '{"text":"from json"}';
archive("2.tar", { [`${long}.png`]: png, [`${long}.json`]: json, [`${long}.txt`]: "from text" }, "pax");
archive("10.tar", { [`${long}.jpg`]: jpeg, [`${long}.json`]: json, "bad.png": png, "bad.json": "{oh" });

test("archives by the bytes of their names, pictures in their order; .txt before .json", async () => {
  const source = await open(shards);
  const names = [`1.tar/000001.jpg`, "1.tar/sub/000002.PNG", "1.tar/000003.png"];
  const all = [...names, `10.tar/${long}.jpg`, "10.tar/bad.png", `2.tar/${long}.png`];
  expect(Array.from({ length: source.size }, (_, i) => source.name(i))).toEqual(all);
  expect(source.captions).toEqual(["two dogs", "a cat", "", "from json", "", "from text"]);
  expect(withCaptions(source)?.size).toBe(4);
});

test("a picture's bytes are those of its file, behind long names of either kind", async () => {
  const { content } = await open(shards);
  for (const [i, path] of content.paths.entries()) {
    const own = i === 0 || i === 3 ? jpeg : png;
    expect(Buffer.compare(readPictureFile(join(content.root, path)), own), path).toBe(0);
  }
});

test("one archive, or those of a pattern; both sides of a split are whole", async () => {
  expect((await open(join(shards, "1.tar"))).size).toBe(3);
  expect((await open(join(shards, "1*.tar"))).size).toBe(5);
  const [train, heldOut] = await Promise.all(
    (["train", "heldOut"] as const).map((part) => open(shards, { part, holdOut: 0.5 })),
  );
  expect([train?.size, heldOut?.size].every((size) => (size ?? 0) > 0)).toBe(true);
  expect((train?.size ?? 0) + (heldOut?.size ?? 0)).toBe(6);
});

test("another archive, or another picture in it, is another fingerprint", async () => {
  const one = await open(join(shards, "1.tar"));
  expect((await open(join(shards, "1.tar"))).fingerprint).toBe(one.fingerprint);
  expect((await open(join(shards, "1*.tar"))).fingerprint).not.toBe(one.fingerprint);
});

test("sizes are read from headers inside the archives; pictures without a caption are named", async () => {
  const source = await openSource({ kind: "tar", path: shards });
  const survey = await surveyPictures(source);
  expect(survey).toMatchObject({ pictures: 6, sampled: 6, shorterSide: 7, channels: 3, isFiles: true });
  const { findings, usable } = await examine({ kind: "tar", path: shards }, { processes: 1 });
  expect(usable).toBe(6);
  const uncaptioned = findings.find(({ id }) => id === "uncaptioned");
  expect(uncaptioned?.files).toEqual([{ path: "1.tar/000003.png" }, { path: "10.tar/bad.png" }]);
});

test("an archive that is cut off, compressed or none is refused by its name", async () => {
  const broken = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const whole = readFileSync(join(shards, "1.tar"));
  const cut = open(broken("cut.tar", whole.subarray(0, 512 + 512 + 512 + 100)));
  await expect(cut).rejects.toThrow(/cut\.tar: expected a whole tar archive, .* one that is cut off behind 1 pictures/);
  await expect(open(broken("text.tar", whole.subarray(0, 512 + 5)))).rejects.toThrow(/one that is cut off\./);
  await expect(open(broken("other.tar", Buffer.alloc(2048, "x")))).rejects.toMatchObject({ code: "bad-shard" });
  await expect(open(broken("none.tar", Buffer.alloc(2048)))).rejects.toMatchObject({ code: "no-pictures" });
  await expect(open(join(folder, "*.rat.tar"))).rejects.toMatchObject({ code: "missing" });
});
