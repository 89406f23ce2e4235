import { expect, test } from "vitest";
import { Latest } from "../../src/model/latest.js";

/** Jobs that end when the test says so. */
function bench() {
  const started: number[] = [];
  const done: number[] = [];
  const failed: unknown[] = [];
  const ends: { resolve(value: number): void; reject(error: Error): void }[] = [];
  const latest = new Latest<number, number>(
    (job) => {
      started.push(job);
      return new Promise((resolve, reject) => ends.push({ resolve, reject }));
    },
    (result) => done.push(result),
    (error) => failed.push(error),
  );
  const settle = async (): Promise<void> => void (await new Promise((resolve) => setTimeout(resolve)));
  return { latest, started, done, failed, ends, settle };
}

test("one at a time, and of those that wait the newest", async () => {
  const { latest, started, done, ends, settle } = bench();
  for (const job of [1, 2, 3, 4]) latest.submit(job);
  expect(started).toEqual([1]);
  ends[0]?.resolve(10);
  await settle();
  expect(started).toEqual([1, 4]);
  expect(latest.idle).toBe(false);
  ends[1]?.resolve(40);
  await settle();
  expect(done).toEqual([10, 40]);
  expect(latest.idle).toBe(true);
  latest.submit(5);
  expect(started).toEqual([1, 4, 5]);
});

test("a failure is told and does not stop what waits", async () => {
  const { latest, started, failed, ends, settle } = bench();
  latest.submit(1);
  latest.submit(2);
  ends[0]?.reject(new Error("out of memory"));
  await settle();
  expect(failed).toEqual([new Error("out of memory")]);
  expect(started).toEqual([1, 2]);
});
