import { existsSync, rmSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Loader, type LoaderOptions, notedPaths, openLoader } from "../../../src/data/loader.js";
import { collect, fileSource, type Kept, temporaryFolder } from "../loader-sources.js";

const decoder = new URL("../decoders/troubled.mjs", import.meta.url).href;
const opened: Loader[] = [];
/** For a worker's thread, which starts late on a busy machine. */
const patience = { timeout: 60_000 };

function open(names: readonly string[], options: Partial<LoaderOptions> = {}): Loader {
  const loader = openLoader(fileSource("/pictures", names), {
    views: { image: [{ type: "centerCrop", size: [4, 4] }] },
    ...{ batchSize: 4, seed: 3, workers: 1, shuffle: false, dropLast: true, timeoutMs: 1000, decoder, ...options },
  });
  opened.push(loader);
  return loader;
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((loader) => loader.close()));
});

function named(trouble: Record<number, string>): string[] {
  return Array.from({ length: 12 }, (_, i) => `${trouble[i] ?? "good"}-${i}`);
}

/** The level of each picture says which sample it came from. */
function expectHonest(kept: readonly Kept[]): void {
  for (const { samples, pixels } of kept) {
    const bytes = Buffer.from(pixels["image"] as string, "base64");
    samples.forEach((sample, position) => {
      expect(bytes.subarray(position * 48, (position + 1) * 48).every((level) => level === sample)).toBe(true);
    });
  }
}

describe("a worker that is lost is replaced, and so is its picture", () => {
  test.each([
    ["an endless loop", "hang-loop", "timeout", /no answer after 1500 ms/],
    ["a promise that never settles", "hang-promise", "timeout", /no answer after 1500 ms/],
    ["process.exit", "exit", "crashed", /ended without an error/],
    ["an exception outside of the call", "throw-later", "crashed", /thrown from a timer/],
  ])("%s", async (_, trouble, code, reason) => {
    const names = named({ 5: trouble });
    const expected = await collect(open(named({ 5: "odd" })), { epoch: 0, batch: 0 }, 2);
    for (const workers of [1, 3]) {
      const loader = open(names, { workers });
      const reports = [];
      for await (const batch of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) reports.push(...batch.bad);
      expect(reports).toEqual([
        { sample: 5, path: `/pictures/${trouble}-5`, code, reason: expect.stringMatching(reason) },
      ]);
      // Known by now: the second pass meets no trouble, and gives what any other bad file in this place gives.
      const kept = await collect(loader, { epoch: 0, batch: 0 }, 2);
      expectHonest(kept);
      expect(kept.map(({ samples }) => samples)).toEqual(expected.map(({ samples }) => samples));
    }
  });

  test("several at once", async () => {
    const names = named({ 1: "exit", 2: "hang-loop", 3: "odd", 6: "exit", 7: "throw-later", 9: "hang-promise" });
    const kept = await collect(open(names, { workers: 3, maxBadShare: 1 }), { epoch: 0, batch: 0 }, 2);
    expectHonest(kept);
    expect(kept).toHaveLength(6);
    expect(new Set(kept.flatMap(({ bad }) => bad.map(({ sample }) => sample)))).toEqual(new Set([1, 2, 3, 6, 7, 9]));
  });

  test("memory used up by one picture", async () => {
    const [first] = await collect(open(named({ 2: "memory" }), { timeoutMs: 60_000 }), { epoch: 0, batch: 0 }, 1);
    expect(first?.bad).toEqual([{ sample: 2, code: "crashed" }]);
    expectHonest([first as Kept]);
  });
});

test("a hanging worker does not keep close waiting", async () => {
  const folder = temporaryFolder();
  const loader = open(named({ 0: "hang-loop" }), { noteFolder: folder, timeoutMs: 3_600_000 });
  const pending = loader.batches({ epoch: 0, batch: 0 }).next();
  await vi.waitFor(() => expect(notedPaths(folder)).toHaveLength(1), patience);
  await loader.close(); // else the test would not end: the worker's own limit is an hour
  expect(await pending).toEqual({ done: true, value: undefined });
});

test("a worker hanging on an abandoned iteration is replaced in the next", async () => {
  const loader = open(named({ 6: "hang-loop" }));
  for await (const batch of loader.batches({ epoch: 0, batch: 0 })) {
    expect(batch.index).toBe(0);
    break;
  }
  const kept = await collect(loader, { epoch: 0, batch: 0 }, 1);
  expectHonest(kept);
  expect(kept.flatMap(({ bad }) => bad)).toEqual([{ sample: 6, code: "timeout" }]);
});

test("workers that cannot start fail the first batch with the reason", async () => {
  const missing = new URL("../decoders/not-there.mjs", import.meta.url).href;
  const started = collect(open(named({}), { workers: 2, decoder: missing }), { epoch: 0, batch: 0 }, 1);
  await expect(started).rejects.toThrow(/a data worker did not start: .*not-there\.mjs/);
});

describe("notes", () => {
  test("each worker notes the path it is at, and clears it", async () => {
    const folder = `${temporaryFolder()}/notes`;
    expect(notedPaths(folder)).toEqual([]);
    const loader = open(named({ 5: "hang-loop" }), { noteFolder: folder, timeoutMs: 60_000 });
    const iterator = loader.batches({ epoch: 0, batch: 0 });
    await iterator.next();
    await vi.waitFor(() => expect(notedPaths(folder)).toEqual(["/pictures/hang-loop-5"]), patience);
    await loader.close();
    expect(existsSync(`${folder}/worker-0`)).toBe(true);
    expect(notedPaths(folder)).toEqual(["/pictures/hang-loop-5"]);

    const clean = open(named({}), { noteFolder: folder, workers: 2 });
    await collect(clean, { epoch: 0, batch: 0 }, 2);
    expect(notedPaths(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});
