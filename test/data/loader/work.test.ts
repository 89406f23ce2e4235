import { expect, test } from "vitest";
import { BadPictureError } from "../../../src/data/errors.js";
import { shareContent } from "../../../src/data/loader/content.js";
import { Pulse } from "../../../src/data/loader/pulse.js";
import { allocateRing, type Place, Ring } from "../../../src/data/loader/ring.js";
import { type DecodeFile, type Report, Work, type WorkSetup } from "../../../src/data/loader/work.js";
import { KeyedRandom } from "../../../src/data/random.js";

const SIZE = 10;

function scene(decode: DecodeFile) {
  const reports: Report[] = [];
  const setup: WorkSetup = {
    content: shareContent({ kind: "files", root: "/r", paths: Array.from({ length: SIZE }, (_, i) => `${i}`) }),
    ...{ size: SIZE, seed: 1, views: [{ name: "image", transform: [] }], decoder: undefined },
    decode: { maxPixels: 10, timeoutMs: 10, channels: 1 },
    known: new Uint8Array(new SharedArrayBuffer(SIZE)),
    sound: new Uint8Array(new SharedArrayBuffer(SIZE)),
  };
  const pulse = new Pulse();
  const work = new Work(setup, pulse, undefined, (report) => reports.push(report));
  const ring = new Ring(allocateRing({ slots: 1, batchSize: 1, channels: 1, views: [{ height: 1, width: 1 }] }), 0);
  ring.publish(0, 4, Int32Array.of(3));
  const place = ring.take() as Place;
  return {
    setup,
    pulse,
    ring,
    reports,
    run: () => work.prepare({ decodeFile: decode }).then(() => work.fill(ring, place)),
  };
}

const level: DecodeFile = async (path) => {
  return { data: Uint8Array.of(Number(path.slice(3)) + 100), height: 1, width: 1, channels: 1 };
};

test("decodes with the options it was given, and says when a batch is complete", async () => {
  const calls: unknown[] = [];
  const { ring, reports, run, pulse } = scene((path, options) => {
    calls.push([path, options, pulse.read()?.sample]);
    return level(path, options);
  });
  await run();
  expect(calls).toEqual([["/r/3", { maxPixels: 10, timeoutMs: 10, channels: 1 }, 3]]);
  expect(reports).toEqual([{ type: "done" }]);
  expect([...ring.pixels(0, 0)]).toEqual([103]);
  expect(pulse.read()).toBeUndefined();
});

test("reports why a picture is bad, marks it, and takes the keyed replacement; known ones are not decoded", async () => {
  const random = new KeyedRandom({ seed: 1, purpose: "replace", epoch: 4, sample: 3 });
  const replacements = Array.from({ length: 40 }, () => random.integer(SIZE)).filter((sample) => sample !== 3);
  const known = replacements[0] as number;
  const good = replacements.find((sample) => sample !== known) as number;
  const decoded: string[] = [];
  const { setup, ring, reports, run } = scene(async (path, options) => {
    decoded.push(path);
    if (path === "/r/3") throw new BadPictureError("truncated", path, "too short");
    return level(path, options);
  });
  setup.known[known] = 1;
  await run();
  expect(decoded).toEqual(["/r/3", `/r/${good}`]);
  expect([...ring.used(0)]).toEqual([good]);
  expect(setup.known[3]).toBe(1);
  const met = reports.filter((report) => report.type === "met");
  expect(met[0]).toMatchObject({ sample: 3, why: { code: "truncated", reason: "too short" } });
  for (const report of met.slice(1)) expect(report.why).toBeUndefined();
});

test.each([
  ["an Error", new Error("no memory"), "no memory"],
  ["anything else", "a text", "a text"],
  ["a code of its own", Object.assign(new Error("strange"), { code: "EIO", reason: "x" }), "strange"],
])("%s from a decoder makes the picture bad, not the run", async (_, thrown, reason) => {
  const { reports, run } = scene((path, options) => {
    return path === "/r/3" ? Promise.reject(thrown) : level(path, options);
  });
  await run();
  expect(reports[0]).toMatchObject({ type: "met", sample: 3, why: { code: "unreadable", reason } });
});

test("gives up when no replacement is good", async () => {
  const { setup, reports, run } = scene(async (path) => {
    throw new BadPictureError("missing", path, "gone");
  });
  await run();
  expect(reports.at(-1)).toMatchObject({ type: "exhausted", attempts: 100 });
  expect(setup.known.reduce((sum, flag) => sum + flag, 0)).toBe(SIZE);
});
