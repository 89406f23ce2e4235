import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { type ExamineProgress, examine } from "../../../src/data/doctor/examine.js";
import { doctorReportSchema, type Finding } from "../../../src/data/doctor/report.js";
import { encodeNpy } from "../../../src/formats/npy.js";
import { makePicture, referencePath, temporaryFolder, writeTree } from "../pictures.js";
import { picture } from "../transform-numbers.js";

const root = temporaryFolder();
const options = { processes: 2, maxPixels: 4e6 };

beforeAll(async () => {
  for (let i = 0; i < 24; i++) {
    const bytes = await makePicture(i, 64, 48).jpeg().toBuffer();
    writeTree(join(root, "photos"), { [`${i % 2 === 0 ? "cat" : "dog"}/${String(i).padStart(2, "0")}.jpg`]: bytes });
  }
  const photo = readFileSync(join(root, "photos", "cat", "00.jpg"));
  mkdirSync(join(root, "ill/cat"), { recursive: true });
  writeTree(join(root, "ill"), {
    "cat/00.jpg": photo,
    "cat/again.jpg": photo,
    "cat/smaller.png": await makePicture(0, 40, 32).png().toBuffer(),
    "dog/cut.jpg": photo.subarray(0, photo.length >> 1),
    "dog/empty.png": "",
    "dog/text.gif": "hello",
    "dog/png.jpg": await makePicture(5, 64, 48).png().toBuffer(),
    "dog/panorama.jpg": await makePicture(6, 900, 40).jpeg().toBuffer(),
    "dog/white.png": await makePicture(7, 64, 48).linear(0, 255).png().toBuffer(),
    "dog/hidden.dat": photo,
    "dog/notes.txt": "notes",
    "dog/huge.png": hugePng(),
  });
  for (const name of ["cmyk.jpg", "animated.gif", "deep-rgb.png"])
    copyFileSync(referencePath(name), join(root, "ill/cat", name));
});

function hugePng(): Buffer {
  const png = Buffer.from(readFileSync(referencePath("rgb.png")));
  png.writeUInt32BE(100_000, 16);
  png.writeUInt32BE(100_000, 20);
  return png;
}

const pathsOf = (findings: readonly Finding[], id: string) =>
  findings.find((f) => f.id === id)?.files.map((f) => f.path);

describe("examine", () => {
  it("finds everything that is wrong, names it, and says bad", async () => {
    const seen: ExamineProgress[] = [];
    const report = await examine(
      { kind: "folder", path: join(root, "ill") },
      { ...options, onProgress: (progress) => seen.push(progress) },
    );
    expect(doctorReportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
    const { findings } = report;
    expect(pathsOf(findings, "truncated")).toEqual(["dog/cut.jpg"]);
    expect(pathsOf(findings, "empty")).toEqual(["dog/empty.png"]);
    expect(pathsOf(findings, "unsupported")).toEqual(["dog/text.gif"]);
    expect(pathsOf(findings, "too-large")).toEqual(["dog/huge.png"]);
    expect(pathsOf(findings, "duplicates")).toEqual(["cat/00.jpg", "cat/again.jpg"]);
    expect(pathsOf(findings, "near-duplicates")).toContain("cat/smaller.png");
    expect(pathsOf(findings, "misnamed")).toEqual(["dog/png.jpg"]);
    expect(pathsOf(findings, "long")).toEqual(["dog/panorama.jpg"]);
    expect(pathsOf(findings, "blank")).toEqual(["dog/white.png"]);
    expect(pathsOf(findings, "cmyk")).toEqual(["cat/cmyk.jpg"]);
    expect(pathsOf(findings, "deep")).toEqual(["cat/deep-rgb.png"]);
    expect(pathsOf(findings, "animated")).toEqual(["cat/animated.gif"]);
    expect(pathsOf(findings, "unnamed-pictures")).toEqual(["dog/hidden.dat"]);
    expect(pathsOf(findings, "other-files")).toEqual(["dog/hidden.dat", "dog/notes.txt"]);
    expect(report).toMatchObject({ status: "bad", pictures: 13, usable: 9, otherFiles: 2 });
    expect(report.summary).toBe("Not ready for training: 30.8 % of the pictures cannot be used.");
    expect(report.classes).toEqual([
      { name: "cat", usable: 6 },
      { name: "dog", usable: 3 },
    ]);
    expect(findings.map(({ severity }) => severity)).toEqual(
      [...findings]
        .map(({ severity }) => severity)
        .sort((a, b) => "bad warning note".indexOf(a) - "bad warning note".indexOf(b)),
    );
    expect(seen.at(-1)).toEqual({ done: 13, total: 13, bad: 4 });
    expect(seen).toHaveLength(13);
  });

  it("warns of what wants a look, and is content with more bad files when told so", async () => {
    const report = await examine({ kind: "folder", path: join(root, "ill") }, { ...options, maxBadShare: 0.5 });
    expect(report.status).toBe("warnings");
    const photos = await examine({ kind: "folder", path: join(root, "photos") }, options);
    expect(photos.findings.map(({ id }) => id)).toEqual(["few-pictures"]);
    expect(photos.statistics?.width).toEqual({ least: 64, median: 64, most: 64 });
  });

  it("gives the same report for any number of processes", async () => {
    const input = { kind: "folder", path: join(root, "ill") } as const;
    const [one, three] = [
      await examine(input, { ...options, processes: 1 }),
      await examine(input, { ...options, processes: 3 }),
    ];
    expect({ ...one, seconds: 0, statistics: rounded(one) }).toEqual({
      ...three,
      seconds: 0,
      statistics: rounded(three),
    });
  });

  it("looks at both sides of a split, and finds copies across it", async () => {
    const copies: Record<string, Buffer> = {};
    const photo = readFileSync(join(root, "photos", "cat", "00.jpg"));
    for (let i = 0; i < 12; i++) copies[`${i}.jpg`] = photo;
    writeTree(join(root, "copies"), copies);
    const report = await examine({ kind: "folder", path: join(root, "copies"), part: "train", holdOut: 0.5 }, options);
    expect(report.pictures).toBe(12);
    expect(pathsOf(report.findings, "leak")).toHaveLength(12);
  });

  it("examines a list", async () => {
    writeTree(root, { "list.txt": "photos/cat/00.jpg\na\nphotos/dog/01.jpg\n" });
    const report = await examine({ kind: "list", path: join(root, "list.txt") }, options);
    expect(pathsOf(report.findings, "missing")).toEqual(["a"]);
    expect(report).toMatchObject({ source: join(root, "list.txt"), pictures: 3, usable: 2 });
  });

  it("has nothing to say of published sets, and stops when told to", async () => {
    await expect(examine({ kind: "cifar10", split: "test" })).rejects.toThrow(
      /expected a folder, a list, a packed set or tar archives of pictures/,
    );
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(examine({ kind: "folder", path: join(root, "photos") }, { ...options, signal })).rejects.toThrow(
      "enough",
    );
  });
});

/** test/reference/make_statistics.py */
const measured = JSON.parse(
  readFileSync(new URL("../../reference/statistics.json", import.meta.url), "utf8"),
) as Record<string, { pictures: [number, number, number, number][]; mean: number[]; deviation: number[] }>;

describe("mean and deviation of each channel, as numpy has them", () => {
  it.each(["colour", "five"])("%s", async (name) => {
    const { pictures, mean, deviation } = measured[name] as (typeof measured)[string];
    const folder = join(root, `statistics-${name}`);
    mkdirSync(folder);
    for (const [i, numbers] of pictures.entries()) {
      const { data, height, width, channels } = picture(...numbers);
      const array = encodeNpy({ dtype: "U8", shape: [height, width, channels], data });
      const png = sharp(data, { raw: { height, width, channels: 3 } }).png();
      writeTree(folder, { [`${i}${channels === 3 ? ".png" : ".npy"}`]: channels === 3 ? await png.toBuffer() : array });
    }
    const { statistics, usable } = await examine({ kind: "folder", path: folder }, options);
    expect(usable).toBe(pictures.length);
    expect(statistics?.mean).toHaveLength(mean.length);
    for (const [c, value] of mean.entries()) {
      expect(statistics?.mean[c]).toBeCloseTo(value, 12);
      expect(statistics?.deviation[c]).toBeCloseTo(deviation[c] as number, 10);
    }
  });

  it("channels that are asked for: grey, and alpha", async () => {
    const source = { kind: "folder", path: join(root, "statistics-colour") } as const;
    const grey = await examine(source, { ...options, channels: 1 });
    const alpha = await examine(source, { ...options, channels: 4 });
    expect(grey.statistics?.mean).toHaveLength(1);
    expect(alpha.statistics?.mean[3]).toBe(1);
    expect(alpha.statistics?.deviation[3]).toBe(0);
  });
});

/** Sums of floating-point numbers depend on their order in the last digits. */
function rounded({ statistics }: { statistics?: { mean: number[]; deviation: number[] } | undefined }) {
  return {
    ...statistics,
    mean: statistics?.mean.map((x) => x.toFixed(9)),
    deviation: statistics?.deviation.map((x) => x.toFixed(9)),
  };
}
