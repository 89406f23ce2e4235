import { expect, test } from "vitest";
import type { Picture } from "../../../src/data/resample.js";
import {
  autoContrast,
  equalize,
  invert,
  mapValues,
  posterize,
  solarize,
  solarizeAdd,
} from "../../../src/data/transform/tone.js";
import { digest, inputOf, numbers } from "./augment-numbers.js";

test("solarize equals Pillow's, every byte", () => {
  for (const stored of numbers.enhancements.filter(({ kind }) => kind === "solarize"))
    expect(digest(solarize(inputOf(stored), stored.amount)), `${stored.amount}`).toBe(stored.sha256);
});

const ramp: Picture = { data: Uint8Array.from([10, 0, 20, 64, 30, 128, 50, 255]), height: 2, width: 2, channels: 2 };

test("values by hand: each channel for itself, any number of channels", () => {
  expect([...autoContrast(ramp).data]).toEqual([0, 0, 63, 64, 127, 128, 255, 255]);
  expect([...invert(ramp).data]).toEqual([245, 255, 235, 191, 225, 127, 205, 0]);
  expect([...posterize(ramp, 1).data]).toEqual([0, 0, 0, 0, 0, 128, 0, 128]);
  expect([...posterize(ramp, 0).data]).toEqual(Array(8).fill(0));
  expect([...solarizeAdd(ramp, 110).data]).toEqual([120, 110, 130, 174, 140, 128, 160, 255]);
  expect([
    ...mapValues(
      ramp,
      Array.from({ length: 256 }, (_, v) => 2 * v),
    ).data,
  ]).toEqual([20, 0, 40, 128, 60, 255, 100, 255]);
});

test("one value alone, or too few pixels, is left as it is", () => {
  const flat: Picture = { data: new Uint8Array(12).fill(7), height: 2, width: 2, channels: 3 };
  expect(autoContrast(flat).data).toEqual(flat.data);
  expect(equalize(flat).data).toEqual(flat.data);
  expect(equalize(ramp).data).toEqual(ramp.data);
});
