import { describe, expect, test } from "vitest";
import { decodeBytes, defaultDecodeOptions } from "../../../src/data/decode.js";
import { tiff } from "./tiff.js";

type Stored = readonly [
  write: (bytes: Buffer, value: number, at: number) => void,
  bits: 8 | 16 | 32 | 64,
  format: 1 | 2 | 3,
];
const types: Readonly<Record<string, Stored>> = {
  int8: [(bytes, value, at) => bytes.writeInt8(value, at), 8, 2],
  int16: [(bytes, value, at) => bytes.writeInt16LE(value, at), 16, 2],
  int32: [(bytes, value, at) => bytes.writeInt32LE(value, at), 32, 2],
  uint32: [(bytes, value, at) => bytes.writeUInt32LE(value, at), 32, 1],
  float16: [(bytes, value, at) => bytes.writeUInt16LE(halfBits(value), at), 16, 3],
  float32: [(bytes, value, at) => bytes.writeFloatLE(value, at), 32, 3],
  float64: [(bytes, value, at) => bytes.writeDoubleLE(value, at), 64, 3],
};

/** Of numbers that binary16 holds exactly: sign, exponent from 15, ten bits. */
function halfBits(value: number): number {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 0x7e00 : value > 0 ? 0x7c00 : 0xfc00;
  if (value === 0) return 0;
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value))));
  const fraction = Math.abs(value) / 2 ** exponent;
  return (value < 0 ? 0x8000 : 0) + (fraction < 1 ? 0 : (exponent + 15) << 10) + Math.round((fraction % 1) * 1024);
}

const [height, width] = [4, 5];

function file(type: string, samples: 1 | 3, values: readonly number[]): Uint8Array {
  const [write, bits, format] = types[type] as Stored;
  const data = Buffer.alloc((values.length * bits) / 8);
  for (const [i, value] of values.entries()) write(data, value, (i * bits) / 8);
  return tiff([{ height, width, samples, data, bits, format, rgb: samples === 3 }]);
}

/** `count` numbers from `low` to `high`, both among them. */
const ramp = (low: number, high: number, count: number, round = Math.round): number[] =>
  Array.from({ length: count }, (_, i) => round(low + ((high - low) * i) / (count - 1)));
const eighths = (value: number): number => Math.round(value * 8) / 8; // binary16 holds them

const scaled: [type: string, low: number, high: number, black: number, white: number][] = [
  ["int8", -128, 127, -128, 127],
  ["int8", 0, 100, 0, 255],
  ["int16", -1000, 3000, -1000, 3000],
  ["int16", -32768, 32767, -32768, 32767],
  ["int16", 0, 200, 0, 255],
  ["int16", 5, 4095, 0, 65535],
  ["int32", -70000, 5, -70000, 5],
  ["uint32", 0, 60000, 0, 65535],
  ["uint32", 100, 4294901760, 100, 4294901760],
  ["float16", 0, 1, 0, 1],
  ["float16", -2, 2, -2, 2],
  ["float16", 0, 240, 0, 255],
  ["float32", 0.125, 0.75, 0, 1],
  ["float32", 0, 254.5, 0, 255],
  ["float32", 3, 60000, 0, 65535],
  ["float32", -1.5, 1, -1.5, 1],
  ["float32", 0, 1e6, 0, 1e6],
];

describe.each([1, 3] as const)("%i samples a pixel", (samples) => {
  test.each(scaled)("%s from %d to %d: black is %d, white %d", async (type, low, high, black, white) => {
    const round = type.startsWith("float") ? eighths : Math.round;
    const values = ramp(low, high, height * width * samples, round);
    const { picture, facts } = await decodeBytes(file(type, samples, values), "x.tif", defaultDecodeOptions);
    const bytes = values.map((value) => Math.round(((value - black) / (white - black)) * 255));
    expect([...picture.data]).toEqual(samples === 3 ? bytes : bytes.flatMap((byte) => [byte, byte, byte]));
    expect(picture).toMatchObject({ height, width, channels: 3 });
    expect(facts).toMatchObject({ colour: samples === 1 ? "grey" : "rgb", numbers: { type, low: values[0], high } });
    expect(facts.bits).toBe(Number(type.replace(/\D+/, "")));
  });

  test("what is not finite is black, and moves no range", async () => {
    for (const type of ["float16", "float32"]) {
      const values = ramp(0, 1, height * width * samples, eighths);
      const odd = values.map(
        (value, i) => [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][i] ?? value,
      );
      const { picture } = await decodeBytes(file(type, samples, odd), "x.tif", defaultDecodeOptions);
      expect([...picture.data.subarray(0, 3)]).toEqual([0, 0, 0]);
      expect(picture.data.at(-1)).toBe(255);
    }
    const none = file("float32", samples, Array<number>(height * width * samples).fill(Number.NaN));
    await expect(decodeBytes(none, "x.tif", defaultDecodeOptions)).rejects.toThrow("not one finite number");
  });

  test("float64 is refused by its type", async () => {
    const bytes = file("float64", samples, ramp(0, 1, height * width * samples, Number));
    await expect(decodeBytes(bytes, "x.tif", defaultDecodeOptions)).rejects.toThrow(
      "unsupported: numbers of more than 32 bits (float64); save it as float32",
    );
  });
});

test("one number all over is black, whatever it is", async () => {
  const values = Array<number>(height * width).fill(-7);
  const { picture } = await decodeBytes(file("int16", 1, values), "x.tif", defaultDecodeOptions);
  expect(new Set(picture.data)).toEqual(new Set([0]));
});

test("as bands they are refused by their type", async () => {
  const bytes = file("float32", 1, ramp(0, 1, height * width, Number));
  const asBands = decodeBytes(bytes, "x.tif", { ...defaultDecodeOptions, channels: 2 });
  await expect(asBands).rejects.toThrow("page 0 holds float32; bands are 8 or 16 bits without a sign");
});
