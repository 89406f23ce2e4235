import { describe, expect, it } from "vitest";
import { cmykToRgb, toChannels } from "../../../src/data/decode/colour.js";

const picture = (channels: number, ...data: number[]) => ({
  data: Uint8Array.from(data),
  width: data.length / channels,
  height: 1,
  channels,
});

describe("cmykToRgb", () => {
  it("is paper minus ink, rounded, for every pair of ink and black", () => {
    const data: number[] = [];
    for (let ink = 0; ink < 256; ink += 5) for (let black = 0; black < 256; black += 3) data.push(ink, 0, 255, black);
    const rgb = cmykToRgb(picture(4, ...data));
    for (let i = 0; i < rgb.width; i++) {
      const light = 255 - (data[4 * i + 3] as number);
      expect(rgb.data[3 * i]).toBe(Math.round(((255 - (data[4 * i] as number)) * light) / 255));
      expect([rgb.data[3 * i + 1], rgb.data[3 * i + 2]]).toEqual([light, 0]);
    }
  });
});

describe("toChannels", () => {
  it("puts alpha on white", () => {
    const rgba = picture(4, 0, 100, 255, 0, 0, 100, 255, 128, 0, 100, 255, 255);
    expect([...toChannels(rgba, 3).data]).toEqual([255, 255, 255, 127, 177, 255, 0, 100, 255]);
    expect(toChannels(rgba, 4)).toBe(rgba);
    expect([...toChannels(rgba, 1).data].slice(0, 1)).toEqual([255]);
  });

  it("keeps grey values, and white and black, as they are", () => {
    const values = Array.from({ length: 256 }, (_, i) => i);
    const rgb = picture(3, ...values.flatMap((value) => [value, value, value]));
    expect([...toChannels(rgb, 1).data]).toEqual(values);
    expect(toChannels(rgb, 3)).toBe(rgb);
  });

  it("adds an opaque alpha", () => {
    expect([...toChannels(picture(3, 1, 2, 3, 4, 5, 6), 4).data]).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
  });
});
