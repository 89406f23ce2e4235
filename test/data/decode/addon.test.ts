import { expect, test } from "vitest";
import { jpegAddon, pixelsAddon } from "../../../src/data/decode/addon.js";

test("the addon is built, has found libjpeg-turbo, and never takes a wrong size for its target", () => {
  const addon = jpegAddon();
  expect(addon).toBeDefined();
  expect(addon).toBe(pixelsAddon());
  const numbers = Int32Array.of(0, 0, 100, 100, 1, 1, 0, 0);
  expect(() => addon?.decodeJpeg(Uint8Array.of(1, 2), new Uint8Array(10), numbers)).toThrow(/too small a target/);
  expect(addon?.decodeJpeg(Uint8Array.of(1, 2), new Uint8Array(30_000), numbers)).not.toBe(0);
  expect(() => addon?.decodeJpeg(new Float64Array(1) as never, "x" as never, numbers)).toThrow(/eight numbers/);
});

test("resampling refuses numbers that do not fit the pixels", () => {
  const resample = pixelsAddon()?.resample;
  const none = [undefined, undefined, undefined] as const;
  const first = Int32Array.of(0);
  const numbers = Int32Array.of(0, 3, 2, 1, 3, 1, 0, 0);
  const call = (source: Uint8Array, start: Int32Array) =>
    resample?.(source, new Uint8Array(6), numbers, start, Int32Array.of(1), Int32Array.of(2 ** 22), ...none);
  expect(call(new Uint8Array(6), first)).toBe(true);
  expect(() => call(new Uint8Array(5), first)).toThrow(/do not fit/);
  expect(call(new Uint8Array(6), Int32Array.of(1))).toBe(false);
});
