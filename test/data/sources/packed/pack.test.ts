import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeFile, defaultDecodeOptions } from "../../../../src/data/decode.js";
import { examine } from "../../../../src/data/doctor/examine.js";
import { surveyPictures } from "../../../../src/data/doctor/survey.js";
import { openLoader } from "../../../../src/data/loader.js";
import { KeyedRandom } from "../../../../src/data/random.js";
import { openSource } from "../../../../src/data/source.js";
import { type PackOptions, pack } from "../../../../src/data/sources/packed/pack.js";
import { apply } from "../../../../src/data/transform.js";
import { fill, mayMount, smallDisk } from "../../../disk.js";
import { makePicture, temporaryFolder, writeTree } from "../../pictures.js";

const folder = temporaryFolder();
const photos = join(folder, "photos");
const source = { kind: "folder", path: photos } as const;
const good = 14;

beforeAll(async () => {
  const files: Record<string, Uint8Array | string> = { "cats/broken.jpg": "not a picture" };
  for (let i = 0; i < good; i++) {
    const made = makePicture(i, 60 + 7 * (i % 3), 50 + 5 * (i % 4));
    const name = `${i % 2 === 0 ? "cats" : "dogs"}/${i}.${i % 3 === 0 ? "png" : "jpg"}`;
    files[name] = await (i % 3 === 0 ? made.png() : made.jpeg()).toBuffer();
  }
  writeTree(photos, files);
});

const small: Omit<PackOptions, "out"> = { size: 40, shardBytes: 25_000 };
const contents = (out: string) =>
  Object.fromEntries(readdirSync(out).map((name) => [name, readFileSync(join(out, name))]));

describe("pack", () => {
  it.skipIf(!mayMount)("names a full disk, and goes on with the same folder when there is room", async () => {
    const disk = smallDisk(64);
    const out = join(disk, "set");
    const free = fill(disk);
    await expect(pack(source, { ...small, out })).rejects.toThrow(
      /set.*: expected room on the disk, got no space left/,
    );
    free();
    const summary = await pack(source, { size: 24, shardBytes: 25_000, out });
    expect(summary.pictures).toBe(good);
  });

  it("keeps names, classes and split; skips what is bad, with its reason; has the pixels of decoding and resizing", async () => {
    const out = join(folder, "pixels");
    const summary = await pack(source, { ...small, out });
    expect(summary).toMatchObject({
      pictures: good,
      skipped: 1,
      format: "pixels",
      size: 40,
      classes: ["cats", "dogs"],
    });
    expect(summary.bad).toEqual([{ path: "cats/broken.jpg", code: "unsupported", reason: expect.any(String) }]);
    expect(summary.shards.length).toBeGreaterThan(2);
    const original = await openSource(source);
    const packed = await openSource({ kind: "packed", path: out });
    const names = Array.from({ length: good }, (_, i) => packed.name(i));
    expect(names).toEqual(
      Array.from({ length: good + 1 }, (_, i) => original.name(i)).filter((name) => !/broken/.test(name)),
    );
    expect([...(packed.labels ?? [])]).toEqual(names.map((name) => (name.startsWith("cats") ? 0 : 1)));
    if (packed.content.kind !== "files") throw new Error("files");
    for (const [i, name] of names.entries()) {
      const record = await decodeFile(join(out, packed.content.paths[i] as string), defaultDecodeOptions);
      const picture = await decodeFile(join(photos, name), { ...defaultDecodeOptions, jpeg: "accurate" });
      const random = new KeyedRandom({ seed: 0, purpose: "", epoch: 0, sample: 0 });
      expect(record).toEqual(apply([{ type: "resize", size: 40 }], picture, random));
    }
    const parts = await Promise.all(
      (["train", "heldOut"] as const).map(async (part) => {
        const split = { part, holdOut: 0.3 };
        const [one, other] = [
          await openSource({ ...source, ...split }),
          await openSource({ kind: "packed", path: out, ...split }),
        ];
        const all = Array.from({ length: one.size }, (_, i) => one.name(i)).filter((name) => !/broken/.test(name));
        expect(Array.from({ length: other.size }, (_, i) => other.name(i))).toEqual(all);
        return other.fingerprint;
      }),
    );
    expect(new Set([...parts, packed.fingerprint]).size).toBe(3);
  });

  it("gives the same files with any number of threads, and after kill -9", async () => {
    const [one, other, killed] = [join(folder, "one"), join(folder, "other"), join(folder, "killed")];
    await pack(source, { ...small, out: one });
    await pack(source, { ...small, out: other, workers: 2 });
    expect(contents(other)).toEqual(contents(one));
    const program = fileURLToPath(new URL("../../../../src/data/sources/packed/pack.ts", import.meta.url));
    const jiti = createRequire(import.meta.url).resolve("jiti");
    const text = `require(${JSON.stringify(jiti)}).createJiti(${JSON.stringify(program)}).import(${JSON.stringify(program)})
      .then(({ pack }) => pack(${JSON.stringify(source)}, { ...${JSON.stringify({ ...small, out: killed })},
        onProgress: ({ done }) => done === 11 && process.kill(process.pid, "SIGKILL") }));`;
    const [, signal] = await once(spawn(process.execPath, ["-e", text], { stdio: "ignore" }), "exit");
    expect(signal).toBe("SIGKILL");
    expect(readdirSync(killed).some((name) => name.endsWith(".partial"))).toBe(true);
    await expect(openSource({ kind: "packed", path: killed })).rejects.toThrow(
      /not finished.*goes on where it was stopped/,
    );
    const { resumedAt } = await pack(source, { ...small, out: killed });
    expect(resumedAt).toBeGreaterThan(3);
    expect(resumedAt).toBeLessThan(11);
    expect(contents(killed)).toEqual(contents(one));
    expect(await pack(source, { ...small, out: killed })).toMatchObject({ resumedAt: good + 1 });
  });

  it("refuses another set's folder, and pictures none of which can be used", async () => {
    const out = join(folder, "refused");
    await pack(source, { ...small, out });
    await expect(pack(source, { ...small, out, size: 41 })).rejects.toThrow(/a set of other pictures or settings/);
    await expect(pack(source, { ...small, out: photos })).rejects.toThrow(/other files/);
    const bad = join(folder, "bad");
    writeTree(bad, { "a.jpg": "nothing" });
    await expect(pack({ kind: "folder", path: bad }, { out: join(folder, "none") })).rejects.toThrow(
      /a\.jpg: unsupported/,
    );
  });

  it("stops when it is asked to, and goes on", async () => {
    const out = join(folder, "stopped");
    const stop = new AbortController();
    const onProgress = ({ done }: { done: number }): void => (done === 5 ? stop.abort(new Error("enough")) : undefined);
    await expect(pack(source, { ...small, out, onProgress, signal: stop.signal })).rejects.toThrow("enough");
    expect(await pack(source, { ...small, out })).toMatchObject({ pictures: good });
  });
});

describe("a packed set", () => {
  const views = { image: [{ type: "randomResizedCrop", size: [24, 24] }, { type: "flip" }] } as const;
  const plain = { batchSize: 7, seed: 2, shuffle: true, dropLast: false, workers: 0 };

  async function pixels(path: string, workers: number, damage?: () => void) {
    const loader = openLoader(await openSource({ kind: "packed", path }), {
      ...plain,
      workers,
      views,
      maxBadShare: 0.5,
    });
    const batches: string[] = [];
    const bad: string[] = [];
    for await (const batch of loader.batches({ epoch: 0, batch: 0 }, { epoch: 3 })) {
      batches.push(Buffer.from(batch.views["image"]?.data ?? []).toString("base64"));
      bad.push(...batch.bad.map(({ code }) => code));
      damage?.();
    }
    await loader.close();
    return { batches, bad };
  }

  it("files as they are give the batches of the folder; every format goes through the loader", async () => {
    const [files, jpeg, raw] = [join(folder, "f"), join(folder, "j"), join(folder, "p")];
    await pack(source, { out: files, format: "files" });
    await pack(source, { ...small, out: jpeg, format: "jpeg" });
    await pack(source, { ...small, out: raw });
    const clean = join(folder, "clean");
    writeTree(clean, contentsWithoutBroken());
    const loader = openLoader(await openSource({ kind: "folder", path: clean }), { ...plain, views });
    const direct: string[] = [];
    for await (const { views: made } of loader.batches({ epoch: 0, batch: 0 }, { epoch: 3 }))
      direct.push(Buffer.from(made["image"]?.data ?? []).toString("base64"));
    await loader.close();
    expect((await pixels(files, 0)).batches).toEqual(direct);
    for (const path of [jpeg, raw]) {
      const here = await pixels(path, 0);
      expect(here.bad).toEqual([]);
      expect(await pixels(path, 2)).toEqual(here);
    }
  });

  function contentsWithoutBroken(): Record<string, Uint8Array> {
    const names = ["cats", "dogs"].flatMap((name) => readdirSync(join(photos, name)).map((file) => `${name}/${file}`));
    return Object.fromEntries(
      names.filter((name) => !/broken/.test(name)).map((name) => [name, readFileSync(join(photos, name))]),
    );
  }

  it("can be examined and surveyed", async () => {
    const out = join(folder, "looked-at");
    await pack(source, { ...small, out });
    const survey = await surveyPictures(await openSource({ kind: "packed", path: out }));
    expect(survey).toMatchObject({ pictures: good, sampled: good, shorterSide: 40, channels: 3, isFiles: true });
    const report = await examine({ kind: "packed", path: out }, { processes: 1 });
    expect(report).toMatchObject({ pictures: good, usable: good });
    expect(report.findings.map(({ id }) => id)).not.toContain("misnamed");
  });

  it("a changed byte is a bad picture; a shard that is cut, missing or of another set is an error with what to do", async () => {
    const out = join(folder, "hurt");
    await pack(source, { ...small, out });
    const shard = join(out, "00001.pack");
    const whole = readFileSync(shard);
    writeFileSync(shard, whole.with(40, (whole[40] as number) ^ 1));
    expect((await pixels(out, 0)).bad).toEqual(["unreadable"]);
    const open = () => openSource({ kind: "packed", path: out });
    writeFileSync(shard, whole.subarray(0, whole.length - 100));
    await expect(open()).rejects.toThrow(/00001\.pack.*no whole shard.*the other shards are kept/s);
    writeFileSync(shard, readFileSync(join(out, "00000.pack")));
    await expect(open()).rejects.toThrow(/a shard of another set/);
    rmSync(shard);
    await expect(open()).rejects.toThrow(/no file of that name/);
    rmSync(join(out, "pack.json"));
    await pack(source, { ...small, out }); // the remedy that the error names
    expect(readFileSync(shard)).toEqual(whole);
    await expect(openSource({ kind: "packed", path: photos })).rejects.toThrow(/one without pack\.json/);
    writeFileSync(join(out, "pack.json"), "{}");
    await expect(open()).rejects.toThrow(/another version/);
  });
});

it("a packed set can be packed again, smaller", async () => {
  const out = join(folder, "cifar-like");
  const jpegs = join(folder, "again");
  await pack(source, { ...small, out });
  const again = await pack({ kind: "packed", path: out }, { out: jpegs, format: "jpeg", size: 20 });
  expect(again).toMatchObject({ pictures: good, format: "jpeg", size: 20, classes: ["cats", "dogs"] });
});
