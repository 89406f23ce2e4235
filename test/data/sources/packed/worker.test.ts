import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { threadEntry } from "../../../../src/data/loader/entry.js";
import { makePicture, temporaryFolder, writeTree } from "../../pictures.js";

test("a thread answers each path with a record or a reason", async () => {
  const folder = temporaryFolder();
  writeTree(folder, { "a.png": await makePicture(1, 10, 12).png().toBuffer() });
  const workerData = { format: "pixels", size: 8, channels: 3, quality: 90, maxPixels: 1e6, timeoutMs: 9000 };
  const { file, options } = threadEntry(
    new URL("../../../../src/data/sources/packed/pool.ts", import.meta.url).href,
    "./worker",
  );
  const worker = new Worker(file, { ...options, workerData });
  worker.postMessage(join(folder, "a.png"));
  const [made] = await once(worker, "message");
  expect(made.record).toMatchObject({ kind: "pixels", width: 8, height: 9 });
  worker.postMessage(join(folder, "b.png"));
  expect((await once(worker, "message"))[0]).toEqual({ bad: { code: "missing", reason: expect.any(String) } });
  await worker.terminate();
});
