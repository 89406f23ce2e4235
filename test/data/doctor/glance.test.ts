import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { glanceAt, isWrapped } from "../../../src/data/doctor/glance.js";
import { KeyedRandom } from "../../../src/data/random.js";
import { openSource } from "../../../src/data/source.js";
import { makePicture, temporaryFolder, writeTree } from "../pictures.js";

const side = 96;

/** A smooth surface from 0 to `most` with a little noise, as a camera's numbers are. */
function surface(most: number, noise = most / 200): Float64Array {
  const random = new KeyedRandom({ seed: 1, purpose: "surface", epoch: 0, sample: 0 });
  return Float64Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [i % side, Math.floor(i / side)];
    return (most / 4) * (2 + Math.sin(x / 15) + Math.cos(y / 11)) + noise * random.uniform();
  });
}

const bytes = (values: Float64Array, of: (value: number) => number) => {
  const data = Uint8Array.from(values, (value) => of(value) & 255);
  return { data, width: side, height: side, channels: 1 };
};

test.each([
  ["low bytes of 12-bit numbers", surface(4095), Math.round, true],
  ["low bytes of 10-bit numbers", surface(1023), Math.round, true],
  ["signed numbers as unsigned ones", surface(240), (value: number) => Math.round(value) - 120, true],
  ["the same with its zero elsewhere", surface(240), (value: number) => Math.round(value) - 60, true],
  ["8-bit numbers", surface(240), Math.round, false],
  ["a drawing in black and white", surface(240), (value: number) => (value > 120 ? 255 : 0), false],
  ["a drawing in two tones", surface(240), (value: number) => (value > 120 ? 240 : 30), false],
  ["an overexposed picture", surface(240), (value: number) => Math.min(255, Math.max(0, 6 * value - 600)), false],
  ["one colour", surface(0), () => 7, false],
] as const)("%s: wrapped %o", (_, values, of, wrapped) => {
  expect(isWrapped(bytes(values, of))).toBe(wrapped);
});

const root = temporaryFolder();

beforeAll(async () => {
  const all = async (
    count: number,
    of: (i: number) => Promise<Buffer>,
    ending: string,
  ): Promise<Record<string, Buffer>> =>
    Object.fromEntries(
      await Promise.all(Array.from({ length: count }, async (__, i) => [`${10 + i}.${ending}`, await of(i)] as const)),
    );
  const one = await makePicture(3, 64, 48).png().toBuffer();
  writeTree(join(root, "copies"), await all(12, () => Promise.resolve(one), "png"));
  writeTree(
    join(root, "again"),
    await all(
      12,
      (i) =>
        sharp(one)
          .jpeg({ quality: 70 + 2 * i })
          .toBuffer(),
      "jpg",
    ),
  );
  writeTree(join(root, "others"), await all(12, (i) => makePicture(i, 64, 48).png().toBuffer(), "png"));
  const { data } = bytes(surface(4095), Math.round);
  const raw = { width: side, height: side, channels: 1 } as const;
  writeTree(
    join(root, "wrapped"),
    await all(
      4,
      (i) =>
        sharp(
          data.map((value) => value + 9 * i),
          { raw },
        )
          .png()
          .toBuffer(),
      "png",
    ),
  );
});

const glance = async (name: string, limits: { pictures?: number; ms?: number } = {}) =>
  glanceAt(await openSource({ kind: "folder", path: join(root, name) }), { channels: 3, ...limits });

test("copies of one picture, compressed again too, are told from different pictures", async () => {
  expect(await glance("copies")).toEqual({ pictures: 12, same: { share: 1, example: "10.png" } });
  expect((await glance("again")).same).toEqual({ share: 1, example: "10.jpg" });
  expect(await glance("others")).toEqual({ pictures: 12 });
});

test("bytes that wrapped round are named; no more pictures are looked at than were asked for", async () => {
  expect((await glance("wrapped")).wrapped).toEqual({ share: 1, example: "10.png" });
  expect(await glance("others", { pictures: 5 })).toEqual({ pictures: 5 });
  expect(await glance("others", { ms: -1 })).toEqual({ pictures: 0 });
});
