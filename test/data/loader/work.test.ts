import { rmSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { afterEach, describe, expect, test } from "vitest";
import { BadPictureError } from "../../../src/data/errors.js";
import { shareContent } from "../../../src/data/loader/content.js";
import { Pulse } from "../../../src/data/loader/pulse.js";
import { allocateRing, type Place, Ring } from "../../../src/data/loader/ring.js";
import { type DecodeFile, type Report, Work, type WorkSetup } from "../../../src/data/loader/work.js";
import { type Loader, type LoaderOptions, type LoaderSource, openLoader } from "../../../src/data/loader.js";
import { KeyedRandom } from "../../../src/data/random.js";
import { resample } from "../../../src/data/resample.js";
import { apply } from "../../../src/data/transform.js";
import type { Size } from "../../../src/data/views.js";
import { collect, fileSource, type Kept, pixelSource, plainOptions, temporaryFolder } from "../loader-sources.js";
import { picture } from "../transform-numbers.js";

const SIZE = 10;

type Views = readonly (WorkSetup["views"][number] & { readonly size: Size })[];
const plain: Views = [{ key: "image", transform: [], of: undefined, size: { height: 1, width: 1 } }];

function scene(decode: DecodeFile, views: Views = plain) {
  const reports: Report[] = [];
  const setup: WorkSetup = {
    content: shareContent({ kind: "files", root: "/r", paths: Array.from({ length: SIZE }, (_, i) => `${i}`) }),
    ...{ size: SIZE, seed: 1, views, decoder: undefined },
    decode: { maxPixels: 10, timeoutMs: 10, channels: 1 },
    known: new Uint8Array(new SharedArrayBuffer(SIZE)),
    sound: new Uint8Array(new SharedArrayBuffer(SIZE)),
  };
  const pulse = new Pulse();
  const work = new Work(setup, pulse, undefined, (report) => reports.push(report));
  const ring = new Ring(allocateRing({ slots: 1, batchSize: 1, channels: 1, views: views.map(({ size }) => size) }), 0);
  ring.publish(0, 4, Int32Array.of(3));
  const place = ring.take() as Place;
  return {
    setup,
    pulse,
    ring,
    reports,
    run: () => work.prepare({ decodeFile: decode }).then(() => work.fill(ring, place)),
  };
}

const level: DecodeFile = async (path) => {
  return { data: Uint8Array.of(Number(path.slice(3)) + 100), height: 1, width: 1, channels: 1 };
};

test("decodes with the options it was given, and says when a batch is complete", async () => {
  const calls: unknown[] = [];
  const { ring, reports, run, pulse } = scene((path, options) => {
    calls.push([path, options, pulse.read()?.sample]);
    return level(path, options);
  });
  await run();
  expect(calls).toEqual([["/r/3", { maxPixels: 10, timeoutMs: 10, channels: 1 }, 3]]);
  expect(reports).toEqual([{ type: "done" }]);
  expect([...ring.pixels(0, 0)]).toEqual([103]);
  expect(pulse.read()).toBeUndefined();
});

test("views of any sizes are made of one decoded picture", async () => {
  const crop = (side: number) =>
    ({ type: "randomResizedCrop", size: [side, side], scale: [0.3, 1], ratio: [1, 1] }) as const;
  const sides = [6, 6, 4, 4, 4];
  const views = sides.map((side, i) => {
    return { key: `crop${i}`, transform: [crop(side)], of: undefined, size: { height: side, width: side } };
  });
  const decoded: string[] = [];
  const { ring, run } = scene(async (path) => {
    decoded.push(path);
    return picture(9, 8, 1, 0);
  }, views);
  await run();
  expect(decoded).toEqual(["/r/3"]);
  for (const [i, { key, transform }] of views.entries()) {
    const random = new KeyedRandom({ seed: 1, purpose: `view:${key}`, epoch: 4, sample: 3 });
    expect([...ring.pixels(0, i)]).toEqual([...apply(transform, picture(9, 8, 1, 0), random).data]);
  }
});

test("reports why a picture is bad, marks it, and takes the keyed replacement; known ones are not decoded", async () => {
  const random = new KeyedRandom({ seed: 1, purpose: "replace", epoch: 4, sample: 3 });
  const replacements = Array.from({ length: 40 }, () => random.integer(SIZE)).filter((sample) => sample !== 3);
  const known = replacements[0] as number;
  const good = replacements.find((sample) => sample !== known) as number;
  const decoded: string[] = [];
  const { setup, ring, reports, run } = scene(async (path, options) => {
    decoded.push(path);
    if (path === "/r/3") throw new BadPictureError("truncated", path, "too short");
    return level(path, options);
  });
  setup.known[known] = 1;
  await run();
  expect(decoded).toEqual(["/r/3", `/r/${good}`]);
  expect([...ring.used(0)]).toEqual([good]);
  expect(setup.known[3]).toBe(1);
  const met = reports.filter((report) => report.type === "met");
  expect(met[0]).toMatchObject({ sample: 3, why: { code: "truncated", reason: "too short" } });
  for (const report of met.slice(1)) expect(report.why).toBeUndefined();
});

test.each([
  ["an Error", new Error("no memory"), "no memory"],
  ["anything else", "a text", "a text"],
  ["a code of its own", Object.assign(new Error("strange"), { code: "EIO", reason: "x" }), "strange"],
])("%s from a decoder makes the picture bad, not the run", async (_, thrown, reason) => {
  const { reports, run } = scene((path, options) => {
    return path === "/r/3" ? Promise.reject(thrown) : level(path, options);
  });
  await run();
  expect(reports[0]).toMatchObject({ type: "met", sample: 3, why: { code: "unreadable", reason } });
});

test("gives up when no replacement is good", async () => {
  const { setup, reports, run } = scene(async (path) => {
    throw new BadPictureError("missing", path, "gone");
  });
  await run();
  expect(reports.at(-1)).toMatchObject({ type: "exhausted", attempts: 100 });
  expect(setup.known.reduce((sum, flag) => sum + flag, 0)).toBe(SIZE);
});

describe("views that share", () => {
  const crop = (side: number) => ({ type: "randomResizedCrop", size: [side, side], scale: [0.3, 0.9] }) as const;
  const views: LoaderOptions["views"] = {
    image: [crop(16), { type: "flip" }, { type: "colorJitter", brightness: 0.4 }],
    large: { transform: [crop(16), { type: "flip" }], key: "image" },
    small: { transform: [crop(8), { type: "flip" }], key: "image" },
    half: { transform: [{ type: "resize", size: [8, 8] }], of: "large" },
    bright: { transform: [{ type: "solarize", threshold: 0, probability: 1 }], of: "image" },
  };
  const bytes = (batch: Kept, view: string) => Buffer.from(batch.pixels[view] as string, "base64");
  /** A slope from left to right and one from top to bottom: a pixel says where it was. */
  const slopes = (sample: number) => {
    const [height, width] = [60 + sample, 80];
    const data = Uint8Array.from({ length: height * width * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      return [3 * x, 3 * y, 128][i % 3] as number;
    });
    return { data, height, width };
  };

  const opened: Loader[] = [];
  function open(source: LoaderSource, options: Partial<LoaderOptions>): Loader {
    const loader = openLoader(source, { ...plainOptions, ...options });
    opened.push(loader);
    return loader;
  }
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((loader) => loader.close()));
  });

  async function slopesIn(folder: string, quality: number): Promise<string[]> {
    const names = Array.from({ length: 8 }, (_, i) => `${i}.jpg`);
    for (const [i, name] of names.entries()) {
      const { data, height, width } = slopes(i);
      await sharp(data, { raw: { height, width, channels: 3 } })
        .jpeg({ quality, chromaSubsampling: "4:4:4" })
        .toFile(path.join(folder, name));
    }
    return names;
  }

  test("one key, two sizes: the same part of the picture, mirrored alike", async () => {
    const folder = temporaryFolder();
    const source = fileSource(folder, await slopesIn(folder, 100));
    const [batch] = await collect(open(source, { views, shuffle: false }), { epoch: 0, batch: 0 }, 1);
    const [large, small] = [bytes(batch as Kept, "large"), bytes(batch as Kept, "small")];
    let largest = 0;
    for (let sample = 0; sample < 8; sample++) {
      for (let y = 0; y < 8; y++) {
        for (let x = 0; x < 8; x++) {
          for (const channel of [0, 1]) {
            const at = (row: number, column: number) =>
              large[((sample * 16 + row) * 16 + column) * 3 + channel] as number;
            const mean =
              (at(2 * y, 2 * x) + at(2 * y, 2 * x + 1) + at(2 * y + 1, 2 * x) + at(2 * y + 1, 2 * x + 1)) / 4;
            const found = small[((sample * 8 + y) * 8 + x) * 3 + channel] as number;
            largest = Math.max(largest, Math.abs(found - mean));
          }
        }
      }
    }
    // On a slope a pixel of the small one is the mean of four of the large one, but for the window's edge.
    expect(largest).toBeLessThan(6);
    rmSync(folder, { recursive: true });
  });

  test.each(["files", "memory"])("a view of a view is made of the other's bytes (%s)", async (kind) => {
    const folder = temporaryFolder();
    const source = kind === "memory" ? pixelSource(8, 40, 50) : fileSource(folder, await slopesIn(folder, 90));
    const alone = { large: [crop(16), { type: "flip" } as const] };
    for (const workers of [0, 2]) {
      const [batch] = await collect(open(source, { views, workers, shuffle: false }), { epoch: 0, batch: 0 }, 1);
      const kept = batch as Kept;
      for (let sample = 0; sample < 8; sample++) {
        const part = (view: string, side: number) =>
          bytes(kept, view).subarray(sample * side * side * 3, (sample + 1) * side * side * 3);
        const large = { data: part("large", 16), height: 16, width: 16, channels: 3 };
        expect(part("half", 8).equals(resample(large, { height: 8, width: 8 }).data)).toBe(true);
        expect([...part("bright", 16)]).toEqual([...part("image", 16)].map((value) => 255 - value));
      }
    }
    // A key of its own is what it was before there were shared ones.
    const [one] = await collect(open(source, { views: alone, shuffle: false }), { epoch: 0, batch: 0 }, 1);
    const own = { large: { transform: alone.large, key: "x" }, x: [] };
    expect(() => open(source, { views: own })).toThrow("views.large.key");
    const again = { other: alone.large, large: alone.large };
    const [two] = await collect(open(source, { views: again, shuffle: false }), { epoch: 0, batch: 0 }, 1);
    expect((two as Kept).pixels["large"]).toBe((one as Kept).pixels["large"]);
    expect((two as Kept).pixels["other"]).not.toBe((one as Kept).pixels["large"]);
    rmSync(folder, { recursive: true });
  });
});
