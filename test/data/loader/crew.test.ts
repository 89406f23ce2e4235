import { afterEach, expect, test, vi } from "vitest";
import { hangLimitMs, messageOf } from "../../../src/data/loader/crew.js";
import { type Loader, type LoaderOptions, notedPaths, openLoader } from "../../../src/data/loader.js";
import { collect, fileSource, pixelSource, plainOptions, temporaryFolder } from "../loader-sources.js";

const decoder = new URL("../decoders/troubled.mjs", import.meta.url).href;
const opened: Loader[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((loader) => loader.close()));
});

function open(names: readonly string[], options: Partial<LoaderOptions> = {}): Loader {
  const loader = openLoader(fileSource("/pictures", names), {
    views: { image: [{ type: "centerCrop", size: [4, 4] }] },
    ...{ batchSize: 4, seed: 3, workers: 0, shuffle: false, dropLast: true, timeoutMs: 100, decoder, ...options },
  });
  opened.push(loader);
  return loader;
}

test("in the calling thread a decoder that never answers is given up after the time limit", async () => {
  const names = ["good-0", "hang-promise-1", "good-2", "good-3"];
  const [batch] = await collect(open(names, { noteFolder: `${temporaryFolder()}/n` }), { epoch: 0, batch: 0 }, 1);
  expect(batch?.bad).toEqual([{ sample: 1, code: "timeout" }]);
});

test("the calling thread notes what it decodes, too", async () => {
  const folder = temporaryFolder();
  const loader = open(["good-0", "hang-promise-1"], { noteFolder: folder, batchSize: 2, timeoutMs: 60_000 });
  const pending = loader.batches({ epoch: 0, batch: 0 }).next();
  await vi.waitFor(() => expect(notedPaths(folder)).toEqual(["/pictures/hang-promise-1"]), { timeout: 60_000 });
  await loader.close();
  expect(await pending).toEqual({ done: true, value: undefined });
});

test("a decoder that cannot be loaded fails the batch with the reason", async () => {
  const missing = new URL("../decoders/not-there.mjs", import.meta.url).href;
  await expect(
    collect(open(["good-0"], { decoder: missing, batchSize: 1 }), { epoch: 0, batch: 0 }, 1),
  ).rejects.toThrow("not-there.mjs");
});

test("timers of the program get their turn during a long batch, and nothing is made ahead", async () => {
  const sizes = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? 400 : 40)); // up and down: work that leaves little
  const views = { image: sizes.map((side) => ({ type: "resize" as const, size: [side, side] as const })) };
  const loader = openLoader(pixelSource(160, 40, 40), { ...plainOptions, views, batchSize: 80 });
  opened.push(loader);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const iterator = loader.batches({ epoch: 0, batch: 0 });
  const first = (await iterator.next()).value;
  clearInterval(timer);
  // 80 pictures of a millisecond or more each, a turn every 50 ms.
  expect(turns).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const second = (await iterator.next()).value;
  expect(second?.waitMs).toBeGreaterThan((first?.waitMs ?? 0) / 10);
  await iterator.return();
});

test("timers of the program get their turn between batches that are ready at once", async () => {
  const loader = openLoader(pixelSource(64, 4, 4), { ...plainOptions, views: { image: [] }, batchSize: 1 });
  opened.push(loader);
  let turns = 0;
  let batches = 0;
  const timer = setInterval(() => turns++, 1);
  for await (const _ of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
    batches++;
    const from = performance.now();
    while (performance.now() - from < 2); // what a model does with it
  }
  clearInterval(timer);
  expect(turns).toBeGreaterThan(batches / 2);
});

test("the watch comes after the decoder's own limit", () => {
  expect([100, 2000, 30_000].map(hangLimitMs)).toEqual([600, 2500, 37_500]);
});

test("whatever is thrown has a message", () => {
  expect(messageOf(new RangeError("x"))).toBe("x");
  expect(messageOf("text")).toBe("text");
});
