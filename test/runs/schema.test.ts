import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatEvent, formatRun, parseEvent, parseRun, type RunEvent } from "../../src/runs/schema.js";
import { checkpointEvent, exampleRun, startEvent, stepEvent } from "./example.js";

const every: RunEvent[] = [
  startEvent(),
  startEvent(40, { resumedFrom: 40 }),
  stepEvent(1, { parts: { reconstruction: 0.5, other: Number.NaN }, gradNorm: null }),
  { type: "heldOut", step: 1, epoch: 0.1, loss: 0.7 },
  { type: "preview", step: 1, path: "previews/1.png", note: "original, masked, rebuilt" },
  checkpointEvent(2),
  { type: "badFile", step: 2, sample: 17, path: "a/b.jpg", code: "truncated", reason: "the file ends early" },
  {
    type: "input",
    step: 1,
    pictures: 64,
    mean: [0.1],
    std: [0.9],
    flatPictures: 0,
    flatPatches: 0.01,
    seam: null,
  },
  { type: "update", step: 1, ratios: { patch_embed: 0.01, rest: 0 } },
  { type: "probe", step: 2, name: "featureRank", value: 12.5 },
  { type: "warning", step: 2, code: "slow-data", message: "line one\nline two" },
  { type: "end", step: 2, reason: "failed", message: "no", seconds: 12 },
];

test.each(every.map((event) => [event.type, event] as const))(
  "a %s event comes back as it was, on one line",
  (_, event) => {
    const line = formatEvent(event, "e");
    expect(line.indexOf("\n")).toBe(line.length - 1);
    expect(parseEvent(line)).toEqual(event);
  },
);

test("losses that are no numbers come back", () => {
  for (const loss of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.5, 5e-324, 1.7e308]) {
    const line = formatEvent(stepEvent(3, { loss, gradNorm: loss }), "e");
    expect(JSON.parse(line)).toBeTypeOf("object");
    expect(parseEvent(line)).toMatchObject({ loss, gradNorm: loss });
  }
});

describe("events that are refused", () => {
  const good = JSON.parse(formatEvent(stepEvent(1), "e")) as Record<string, unknown>;
  test.each([
    ["null", null, /an event, got/],
    ["an unknown type", { type: "stop", step: 1 }, /got ".*" at type/],
    ["a key too many", { ...good, lossy: 1 }, /Unrecognized key: "lossy"/],
    ["a key missing", { ...good, samples: undefined }, /at samples/],
    ["half a step", { ...good, step: 1.5 }, /at step/],
    ["a loss that is null", { ...good, loss: null }, /at loss/],
    ["a loss that is text", { ...good, loss: "0.5" }, /at loss/],
  ])("%s is not written, and a line of it is known for damage", (_, value, message) => {
    expect(() => formatEvent(value as RunEvent, "events.jsonl")).toThrow(message);
    expect(() => formatEvent(value as RunEvent, "e")).toThrow(expect.objectContaining({ code: "bad-event" }));
    expect(parseEvent(JSON.stringify(value))).toBeUndefined();
  });

  test("nor is a rate that is no number", () => {
    expect(() => formatEvent({ ...stepEvent(1), learningRate: Number.NaN }, "e")).toThrow(/at learningRate/);
  });

  test("whatever the line, no error", () => {
    const lines = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constant(JSON.stringify(good)).map((line) => line.slice(0, 40)),
    );
    fc.assert(
      fc.property(lines, (line) => {
        expect(parseEvent(line)).toBeUndefined();
      }),
      { seed: 5 },
    );
  });
});

describe("run.json", () => {
  test("comes back as it was", () => {
    const run = exampleRun({ commit: "abc", data: { fingerprint: "f", size: 3, files: "files.txt" } });
    expect(parseRun(formatRun(run), "run.json")).toEqual(run);
  });

  test("of a later version says so, before anything else about it", () => {
    const text = JSON.stringify({ formatVersion: 2, whatever: true });
    expect(() => parseRun(text, "a/run.json")).toThrow(
      "in a/run.json: expected formatVersion 1, got 2. A newer lacuna wrote this run; read it with that version.",
    );
    expect(() => parseRun(text, "a")).toThrow(expect.objectContaining({ code: "newer-format" }));
  });

  test.each([
    ["text that is not JSON", "{", /text that is not JSON/],
    ["an older or other version", JSON.stringify({ ...exampleRun(), formatVersion: 0 }), /at formatVersion/],
    ["an array", "[]", /at the top|expected the description/],
    ["a wrong field", JSON.stringify({ ...exampleRun(), status: "done" }), /at status/],
    ["a nested wrong field", JSON.stringify({ ...exampleRun(), versions: { lacuna: "1" } }), /at versions\.node/],
  ])("%s is refused", (_, text, message) => {
    expect(() => parseRun(text, "run.json")).toThrow(message);
    expect(() => parseRun(text, "run.json")).toThrow(expect.objectContaining({ code: "bad-run-file" }));
  });
});
