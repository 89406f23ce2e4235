import { expect, test } from "vitest";
import { loadSharp } from "../../../src/data/decode/sharp.js";

test("works with one thread a picture and without a cache", async () => {
  const sharp = await loadSharp();
  expect(sharp.concurrency()).toBe(1);
  expect(sharp.cache()).toMatchObject({ items: { max: 0 }, memory: { max: 0 } });
});
