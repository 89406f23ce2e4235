import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openFashionMnist } from "../../../src/data/sources/fashion-mnist.js";
import { temporaryFolder, writeTree } from "../pictures.js";

const root = temporaryFolder();
const quiet = () => {};

afterEach(() => vi.unstubAllEnvs());

function idx(shape: readonly number[], bytes: readonly number[]): Buffer {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.writeUInt16BE(0x0800 + shape.length, 2);
  for (const [i, size] of shape.entries()) head.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([head, Buffer.from(bytes)]);
}

const images = idx([2, 1, 3], [1, 2, 3, 4, 5, 6]);

describe("a folder of IDX files", () => {
  it("is read gzipped or plain", async () => {
    writeTree(join(root, "own"), {
      "train-images-idx3-ubyte.gz": gzipSync(images),
      "train-labels-idx1-ubyte": idx([2], [9, 0]),
    });
    const source = await openFashionMnist({ kind: "fashion-mnist", split: "train", path: join(root, "own") }, quiet);
    expect(source).toMatchObject({ size: 2, labels: Int32Array.of(9, 0) });
    expect(source.content).toMatchObject({ height: 1, width: 3, channels: 1 });
    expect([...source.content.data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(source.classes?.[9]).toBe("Ankle boot");
  });

  it("says which file is missing or damaged", async () => {
    const open = (name: string) =>
      openFashionMnist({ kind: "fashion-mnist", split: "test", path: join(root, name) }, quiet);
    writeTree(join(root, "cut"), { "t10k-images-idx3-ubyte": images.subarray(0, 18), "t10k-labels-idx1-ubyte": "" });
    writeTree(join(root, "gzip"), { "t10k-images-idx3-ubyte.gz": "no gzip" });
    writeTree(join(root, "swapped"), { "t10k-images-idx3-ubyte": idx([2], [1, 2]) });
    writeTree(join(root, "labels"), { "t10k-images-idx3-ubyte": images, "t10k-labels-idx1-ubyte": idx([2], [3, 10]) });
    await expect(open("own")).rejects.toThrow(
      /expected t10k-images-idx3-ubyte\.gz or t10k-images-idx3-ubyte, got neither/,
    );
    await expect(open("cut")).rejects.toMatchObject({ code: "damaged" });
    await expect(open("gzip")).rejects.toThrow(
      /expected an IDX file of bytes in 3 dimensions, got incorrect header check/,
    );
    await expect(open("swapped")).rejects.toThrow(/got U8 numbers in 1 dimensions/);
    await expect(open("labels")).rejects.toThrow(
      /expected 2 labels from 0 to 9, one for each picture, got 2 labels up to 10/,
    );
  });
});

describe("Fashion-MNIST", () => {
  it("ends in one error where apt cannot fetch it, and leaves nothing", async () => {
    const programs = join(root, "bin");
    mkdirSync(programs);
    writeFileSync(join(programs, "apt-get"), "#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n");
    chmodSync(join(programs, "apt-get"), 0o755);
    vi.stubEnv("PATH", `${programs}:${process.env["PATH"]}`);
    vi.stubEnv("LACUNA_CACHE", join(root, "cache"));
    await expect(openFashionMnist({ kind: "fashion-mnist", split: "train" }, quiet)).rejects.toThrow(
      /got apt-get ended with status 100: E: Unable to locate package\. On Debian or Ubuntu run "apt-get update"/,
    );
    expect(readdirSync(join(root, "cache"))).toEqual([]);
  });

  it("is the published set", { timeout: 300_000 }, async (context) => {
    const opened = await openFashionMnist({ kind: "fashion-mnist", split: "test" }, quiet).catch((e: unknown) =>
      String(e),
    );
    if (typeof opened === "string") return context.skip(opened);
    expect(opened).toMatchObject({ size: 10_000, content: { height: 28, width: 28, channels: 1 } });
    // The first labels, as the data set's own README shows them: an ankle boot, a pullover, two trousers …
    expect([...(opened.labels ?? []).slice(0, 6)]).toEqual([9, 2, 1, 1, 6, 1]);
    const counts = new Array<number>(10).fill(0);
    for (const label of opened.labels ?? []) counts[label] = (counts[label] ?? 0) + 1;
    expect(counts).toEqual(new Array(10).fill(1000));
  });
});
