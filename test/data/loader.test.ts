import { rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  BadDataError,
  defaultWorkers,
  type Loader,
  type LoaderOptions,
  type LoaderSource,
  openLoader,
} from "../../src/data/loader.js";
import { KeyedRandom } from "../../src/data/random.js";
import { apply } from "../../src/data/transform.js";
import { transformSchema } from "../../src/data/views.js";
import {
  collect,
  fileSource,
  type Kept,
  keep,
  pixelSource,
  plainOptions,
  temporaryFolder,
  twoViews,
  writePictures,
} from "./loader-sources.js";
import { expectedPictures, referencePath } from "./pictures.js";
import { picture } from "./transform-numbers.js";

const opened: Loader[] = [];
function open(source: LoaderSource, options: Partial<LoaderOptions> = {}): Loader {
  const loader = openLoader(source, { ...plainOptions, ...options });
  opened.push(loader);
  return loader;
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((loader) => loader.close()));
});

describe("pictures in memory", () => {
  const source = pixelSource(37);

  test("a batch holds what order, key and transform say", async () => {
    const [first] = await collect(open(source), { epoch: 3, batch: 0 }, 4);
    const batch = first as Kept;
    expect(batch.samples).toHaveLength(8);
    expect(batch.labels).toEqual(batch.samples.map((sample) => sample % 7));
    const pixels = Buffer.from(batch.pixels["one"] as string, "base64");
    const transform = transformSchema.parse(twoViews["one"]);
    batch.samples.forEach((sample, position) => {
      const random = new KeyedRandom({ seed: 11, purpose: "view:one", epoch: 3, sample });
      const expected = apply(transform, picture(12, 10, 3, sample), random).data;
      expect(pixels.subarray(position * expected.length, (position + 1) * expected.length).equals(expected)).toBe(true);
    });
  });

  test("the number of workers changes no byte", async () => {
    const expected = await collect(open(source), { epoch: 0, batch: 0 }, 3);
    expect(expected).toHaveLength(15);
    for (const workers of [1, 2, 5]) {
      expect(await collect(open(source, { workers }), { epoch: 0, batch: 0 }, 3)).toEqual(expected);
    }
  });

  test.each([0, 2])("starts anywhere as if it had run until there (%i workers)", async (workers) => {
    const loader = open(source, { workers });
    const all = await collect(loader, { epoch: 0, batch: 0 }, 3);
    for (const start of [0, 1, 4, 5, 7, 14]) {
      const from = { epoch: Math.floor(start / 5), batch: start % 5 };
      const later = open(source, { workers: Math.min(workers, 1) }); // another number of threads where there are any
      expect(await collect(later, from, 3)).toEqual(all.slice(start));
    }
    // The place after an epoch's last batch is the next epoch's first; and a loader can be iterated again.
    expect(await collect(loader, { epoch: 1, batch: 5 }, 3)).toEqual(all.slice(10));
  });

  test("a short last batch is kept, or left out", async () => {
    const kept = await collect(open(source, { workers: 2 }), { epoch: 0, batch: 0 }, 1);
    expect(kept.map(({ samples }) => samples.length)).toEqual([8, 8, 8, 8, 5]);
    expect(kept.flatMap(({ samples }) => samples).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 37 }, (_, i) => i),
    );
    const dropped = open(source, { workers: 2, dropLast: true });
    expect(dropped.batchesPerEpoch).toBe(4);
    expect(await collect(dropped, { epoch: 0, batch: 0 }, 1)).toEqual(kept.slice(0, 4));
  });

  test("without shuffling pictures come as listed, in every epoch", async () => {
    const kept = await collect(open(source, { shuffle: false }), { epoch: 0, batch: 0 }, 2);
    expect(kept[0]?.samples).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(kept[5]?.samples).toEqual(kept[0]?.samples);
    expect(kept[5]?.pixels).not.toEqual(kept[0]?.pixels);
  });

  test("grey and colour are converted to the channels asked for", async () => {
    const views = { image: [] };
    const grey = pixelSource(4, 5, 6, 1);
    const options = { views, shuffle: false, batchSize: 4 };
    const same = await collect(open(grey, options), { epoch: 0, batch: 0 }, 1);
    const colour = await collect(open(grey, { ...options, channels: 3 }), { epoch: 0, batch: 0 }, 1);
    const bytes = (kept: Kept[]): Buffer => Buffer.from(kept[0]?.pixels["image"] as string, "base64");
    expect(bytes(colour)).toEqual(Buffer.from([...bytes(same)].flatMap((level) => [level, level, level])));
    const one = await collect(open(pixelSource(4, 5, 6, 3), { ...options, channels: 1 }), { epoch: 0, batch: 0 }, 1);
    const [r = 0, g = 0, b = 0] = picture(5, 6, 3, 0).data;
    expect(bytes(one)[0]).toBe(Math.round(0.299 * r + 0.587 * g + 0.114 * b));
  });

  test("colour profiles are left out where pixels are wanted as stored, in the thread and in workers", async () => {
    const profiled = fileSource(path.dirname(referencePath("rgb.png")), ["other-profile.png"]);
    const stored = Buffer.from(expectedPictures().get("rgb.png")?.rgb ?? []).toString("base64");
    const views = { image: [{ type: "centerCrop", size: [18, 26] }] } as const;
    for (const workers of [0, 1]) {
      const read = open(profiled, { views, batchSize: 1, workers, colour: "stored" });
      expect((await collect(read, { epoch: 0, batch: 0 }, 1))[0]?.pixels["image"]).toBe(stored);
    }
  });

  test("a batch stays as it is while it is held, and its memory is used again when more are asked for", async () => {
    const loader = open(source, { workers: 2, prefetch: 2 });
    const iterator = loader.batches({ epoch: 0, batch: 0 });
    const first = (await iterator.next()).value;
    if (!first) throw new Error("no batch");
    const before = keep(first);
    // Time enough for the workers to prepare all that they may.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(keep(first)).toEqual(before);
    for (let i = 0; i < 4; i++) await iterator.next();
    expect(keep(first).pixels).not.toEqual(before.pixels);
    expect([...first.samples]).toEqual(before.samples);
    await iterator.return();
  });

  test("waitMs is the time the caller waited", async () => {
    const loader = open(source, { workers: 1 });
    const iterator = loader.batches({ epoch: 0, batch: 0 });
    let [said, all] = [0, 0];
    for (let i = 0; i < 5; i++) {
      const started = performance.now();
      const batch = (await iterator.next()).value;
      const waited = performance.now() - started;
      expect(batch?.waitMs).toBeLessThanOrEqual(waited);
      said += batch?.waitMs ?? 0;
      all += waited;
    }
    expect(said).toBeGreaterThan(all / 2); // the worker's start, which is most of it, was waited for
    await iterator.return();
  });

  test("workers go on while the calling thread is busy", async () => {
    const loader = open(pixelSource(64), { workers: 1, prefetch: 3 });
    const longestAfter = async (busyMs: number): Promise<number> => {
      const iterator = loader.batches({ epoch: 0, batch: 0 });
      await iterator.next();
      const until = performance.now() + busyMs;
      while (performance.now() < until);
      // No turn of the event loop in between: all three that were published must be there at once.
      const waits: number[] = [];
      for (let i = 0; i < 3; i++) waits.push((await iterator.next()).value?.waitMs ?? Number.NaN);
      await iterator.return();
      return Math.max(...waits);
    };
    let [busyMs, longest] = [200, Number.POSITIVE_INFINITY];
    for (; longest >= 50 && busyMs < 60_000; busyMs *= 4) longest = await longestAfter(busyMs); // others may have the cores
    expect(longest).toBeLessThan(50);
  });
});

describe("files", () => {
  let folder: string;
  let names: string[];
  beforeAll(async () => {
    folder = temporaryFolder();
    names = await writePictures(folder, 21);
    return () => rmSync(folder, { recursive: true });
  });

  test("the number of workers changes no byte", async () => {
    const source = fileSource(folder, names);
    const expected = await collect(open(source), { epoch: 0, batch: 0 }, 2);
    expect(expected).toHaveLength(6);
    for (const workers of [1, 3]) {
      expect(await collect(open(source, { workers }), { epoch: 0, batch: 0 }, 2)).toEqual(expected);
    }
  });

  describe("of which some are bad", () => {
    let damaged: string;
    let source: LoaderSource;
    const codes: Record<number, string> = { 4: "truncated", 7: "unsupported", 15: "missing", 16: "empty" };
    beforeAll(async () => {
      damaged = temporaryFolder();
      const all = await writePictures(damaged, 21);
      truncateSync(path.join(damaged, all[4] as string), 300);
      writeFileSync(path.join(damaged, all[7] as string), "this is no picture at all\n");
      rmSync(path.join(damaged, all[15] as string));
      writeFileSync(path.join(damaged, all[16] as string), "");
      source = fileSource(damaged, all);
      return () => rmSync(damaged, { recursive: true });
    });

    test("they are replaced and reported once, the same for any number of workers", async () => {
      const expected = await collect(open(source), { epoch: 0, batch: 0 }, 3);
      const found = expected.flatMap(({ bad }) => bad);
      expect(Object.fromEntries(found.map(({ sample, code }) => [sample, code]))).toEqual(codes);
      expect(found).toHaveLength(4);
      for (const { samples } of expected) for (const sample of samples) expect(codes[sample]).toBeUndefined();
      expect(expected.slice(0, 3).flatMap(({ samples }) => samples)).toHaveLength(21);
      for (const workers of [1, 2, 5]) {
        expect(await collect(open(source, { workers }), { epoch: 0, batch: 0 }, 3)).toEqual(expected);
      }
    });

    test("the replacement is the keyed one", async () => {
      const [batch] = await collect(open(source, { shuffle: false }), { epoch: 2, batch: 0 }, 3);
      const random = new KeyedRandom({ seed: 11, purpose: "replace", epoch: 2, sample: 4 });
      let expected = random.integer(21);
      while (codes[expected] !== undefined) expected = random.integer(21);
      expect(batch?.samples[4]).toBe(expected);
    });

    test("a report names path and reason; known ones are replaced alike and not reported again", async () => {
      const reports = [];
      for await (const batch of open(source, { workers: 2 }).batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
        reports.push(...batch.bad);
      }
      const text = reports.find(({ sample }) => sample === 7);
      expect(text).toMatchObject({ path: path.join(damaged, "007.png"), code: "unsupported" });
      expect(text?.reason).toMatch(/no picture format/);
      const all = await collect(open(source), { epoch: 0, batch: 0 }, 2);
      const knownBad = Object.keys(codes).map(Number);
      const resumed = await collect(open(source, { workers: 2, knownBad }), { epoch: 0, batch: 2 }, 2);
      expect(resumed).toEqual(all.slice(2).map((kept) => ({ ...kept, bad: [] })));
    });

    test("too many end the iteration with an error that says what to do", async () => {
      const mostlyBad = fileSource(damaged, [
        ...names.map((name) => `gone/${name}`),
        ...(source.content.kind === "files" ? source.content.paths : []),
      ]);
      for (const workers of [0, 2]) {
        const error = await collect(open(mostlyBad, { workers }), { epoch: 0, batch: 0 }, 2).catch((e: unknown) => e);
        expect(error).toBeInstanceOf(BadDataError);
        const { count, share, examples, message } = error as BadDataError;
        expect(count).toBeGreaterThanOrEqual(10);
        expect(share).toBeGreaterThan(0.3);
        expect(examples).toHaveLength(5);
        expect(message).toContain(
          `in ${damaged}: expected at most 10 % of the pictures to be unusable, got ${count} bad of`,
        );
        expect(message).toContain(`lacuna doctor ${damaged}`);
        expect(message).toContain(examples[0]?.path);
      }
    });

    test("a source without one good picture is refused", async () => {
      const gone = fileSource(damaged, ["a.jpg", "b.jpg", "c.jpg"]);
      for (const workers of [0, 2]) {
        await expect(collect(open(gone, { workers }), { epoch: 0, batch: 0 }, 1)).rejects.toThrow(
          "got 3 bad of 3 tried (100 %)",
        );
      }
    });
  });
});

describe("ending", () => {
  test("leaving the loop is clean, and the loader can be iterated again", async () => {
    const source = pixelSource(64, 40, 40);
    const loader = open(source, { workers: 2 });
    const expected = await collect(open(source), { epoch: 0, batch: 0 }, 1);
    for (let round = 0; round < 5; round++) {
      for await (const batch of loader.batches({ epoch: 0, batch: round })) {
        expect(keep(batch)).toEqual(expected[round]);
        break;
      }
    }
  });

  test("close in the middle of a batch ends workers and the waiting caller at once", async () => {
    const loader = open(pixelSource(8, 1200, 1200), {
      workers: 2,
      views: { image: [{ type: "resize", size: [1100, 1100] }] },
    });
    const pending = loader.batches({ epoch: 0, batch: 0 }).next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await loader.close();
    expect(await pending).toEqual({ done: true, value: undefined });
    await loader.close();
    await expect(loader.batches({ epoch: 0, batch: 0 }).next()).rejects.toThrow("the loader is closed");
  });

  test("an error in the caller's loop ends the iteration", async () => {
    const loader = open(pixelSource(64), { workers: 1 });
    const run = async (): Promise<void> => {
      for await (const _ of loader.batches({ epoch: 0, batch: 0 })) throw new Error("the caller's own");
    };
    await expect(run()).rejects.toThrow("the caller's own");
    expect(await collect(loader, { epoch: 0, batch: 7 }, 1)).toHaveLength(1);
  });

  test("a second iteration ends the first", async () => {
    const loader = open(pixelSource(64), { workers: 1 });
    const first = loader.batches({ epoch: 0, batch: 0 });
    await first.next();
    expect(await collect(loader, { epoch: 0, batch: 6 }, 1)).toHaveLength(2);
    expect((await first.next()).done).toBe(true);
  });
});

test("many batches keep the memory flat", async () => {
  const loader = open(pixelSource(256, 32, 32), {
    workers: 1,
    batchSize: 64,
    views: { image: [{ type: "randomResizedCrop", size: [32, 32] }] },
  });
  const megabytes = (): number => process.memoryUsage().rss / 2 ** 20;
  let early = 0;
  let count = 0;
  for await (const _ of loader.batches({ epoch: 0, batch: 0 }, { epoch: 150 })) {
    if (++count === 200) early = megabytes();
  }
  expect(count).toBe(600);
  // 400 batches of 64 pictures are 79 MB of pixels.
  expect(megabytes() - early).toBeLessThan(30);
});

describe("refused before anything is read", () => {
  const source = pixelSource(10);
  test("a view of no certain size", () => {
    const files = fileSource("nowhere", ["a.jpg"]);
    const views = { image: [{ type: "resize" as const, size: 32 }] };
    expect(() => open(files, { batchSize: 1, views })).toThrow(
      "in views.image: expected a transform that gives pictures of one size",
    );
    expect(() => open(source, { views })).not.toThrow();
    const colours = [{ type: "resize", size: [8, 8] }, { type: "randAugment" }] as const;
    expect(() => open(files, { batchSize: 1, views: { image: colours } })).not.toThrow();
    expect(() => open(files, { batchSize: 1, views: { image: colours }, channels: 12 })).toThrow(
      "in views.image: expected pictures of 1 or 3 channels for randAugment, got 12. Leave the step out",
    );
  });
  test("sizes that cannot be", () => {
    expect(() => open(source, { batchSize: 0 })).toThrow("in batchSize: expected a whole number of at least 1, got 0");
    expect(() => open(source, { workers: -1 })).toThrow("in workers: expected a whole number of at least 0, got -1");
    expect(() => open(source, { prefetch: 0 })).toThrow("in prefetch");
    expect(() => open(source, { batchSize: 11, dropLast: true })).toThrow("at least one batch of 11 pictures, got 10");
    expect(() => open(source, { channels: 12 })).toThrow("in channels: expected 1 or 3 for these pictures, got 12");
    expect(() => open(pixelSource(0))).toThrow("at least one picture, got 0");
  });
});

test("defaultWorkers leaves small machines to training", () => {
  const pixels = pixelSource(1);
  const files = fileSource("nowhere", []);
  expect([1, 2, 4, 16, 64].map((cores) => defaultWorkers(pixels, cores))).toEqual([0, 0, 1, 4, 4]);
  expect([1, 2, 4, 16, 64].map((cores) => defaultWorkers(files, cores))).toEqual([1, 1, 3, 15, 16]);
});
