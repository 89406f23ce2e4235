import { describe, expect, it } from "vitest";
import { fingerprintOfPixels, pixelSource, sharedBytes } from "../../../src/data/sources/pixels.js";

const set = (limit?: number, repeat?: number) => ({
  spec: { kind: "cifar10", split: "test", ...(limit && { limit }), ...(repeat && { repeat }) } as const,
  classes: ["a", "b"],
  pixels: Uint8Array.from({ length: 3 * 2 * 2 }, (_, i) => i),
  labels: Uint8Array.of(1, 0, 1),
  height: 2,
  width: 2,
  channels: 1,
});

describe("pixelSource", () => {
  it("copies pixels to shared memory, unless they are there", () => {
    const source = pixelSource(set(), "print");
    expect(source).toMatchObject({
      size: 3,
      fingerprint: "print",
      labels: Int32Array.of(1, 0, 1),
      classes: ["a", "b"],
    });
    expect(source.name(2)).toBe("test/2");
    expect(source.content.data.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect([...source.content.data]).toEqual([...set().pixels]);
    const shared = sharedBytes(12);
    expect(pixelSource({ ...set(), pixels: shared }, "print").content.data).toBe(shared);
  });

  it("keeps the first pictures of a limit, with a fingerprint of their own", () => {
    const source = pixelSource(set(2), "print");
    expect(source).toMatchObject({ size: 2, labels: Int32Array.of(1, 0) });
    expect([...source.content.data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(source.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(pixelSource(set(3), "print").fingerprint).toBe("print");
  });

  it("repeats pictures with their labels and names, with a fingerprint of their own", () => {
    const source = pixelSource(set(2, 3), "print");
    expect(source).toMatchObject({ size: 6, labels: Int32Array.of(1, 0, 1, 0, 1, 0) });
    const pictures = [0, 1, 2, 3, 4, 5, 6, 7];
    expect([...source.content.data]).toEqual([...pictures, ...pictures, ...pictures]);
    expect([source.name(0), source.name(3)]).toEqual(["test/0", "test/1"]);
    const prints = [
      pixelSource(set(2), "print"),
      source,
      pixelSource(set(2, 2), "print"),
      pixelSource(set(3, 2), "print"),
    ];
    expect(new Set(prints.map(({ fingerprint }) => fingerprint)).size).toBe(4);
    expect(pixelSource(set(3, 1), "print").fingerprint).toBe("print");
  });

  it("refuses a limit beyond the set", () => {
    expect(() => pixelSource(set(4), "print")).toThrow(
      "in limit: expected at most 3, the size of cifar10's test split, got 4. Leave it out for all.",
    );
  });
});

describe("fingerprintOfPixels", () => {
  it("is the SHA-256 of pixels and labels", () => {
    // sha256sum of "abc".
    expect(fingerprintOfPixels(Buffer.from("ab"), Buffer.from("c"))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});
